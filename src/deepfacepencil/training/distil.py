"""Teaching the quick head the photos of 256 px of the body (models/portrait_heads.py; ours).

    python -m deepfacepencil.training.distil OUTPUT --run RUN

It goes on from the head that there is. It sees squares of what RUN makes of drawings of generated
faces, 4 MB a face. The loss is L1 of pixels, of their differences and of colours, and ST-LPIPS.
OUTPUT/portrait_heads.safetensors holds all heads, the new one among them; to be used it takes the
place of the one beside models/portrait_body.py, whose SHA256 becomes the one printed. The same
command goes on where it was interrupted, and gives the same file for the same seed.
"""

import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import torch
import tyro
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from ..errors import InputError
from ..export_portrait import Core, load_encoder
from ..models.alexnet import ShiftTolerantAlexNet, load_alexnet
from ..models.portrait import PortraitBody
from ..models.portrait_body import Taught, load_taught
from ..models.portrait_heads import QuickHead
from ..runtime.appearance import CONDITION_SIZE
from ..runtime.engine import TOLERANCE_SIZE, code_of
from .checkpoint import load_state, save_state
from .heads import latent, photo_loss, shards, sketch_of, write_heads
from .precision import autocast

# Cells of 64 px of a square; of those along its border the photo is not known.
_SIDE, _BORDER = 40, 4
_OVER = 5  # cells that squares may begin beyond the photo, which they are brought back to
_WHITENED_BY, _EVERY = 200, 41  # faces, and their cells
_LEAST = 1e-4  # of the largest variance: what varies less is not made larger
_STYLES = 0.08  # of the rate: a latent's numbers move every place of a channel
_AVERAGE = 0.998  # of the weights, a step
_CHROMA = 2.0  # of how far colours are off, beside L1 of pixels, which is mostly of light and dark
SAVE_EVERY = 250  # steps


@dataclass(frozen=True)
class Settings:
    output: tyro.conf.Positional[Path]
    portrait: Annotated[Path, tyro.conf.arg(name="run")]
    """Folder of a training, whose photos they are."""
    faces: int = 1000
    steps: int = 10_000
    batch: int = 6
    rate: float = 5e-4
    seed: int = 0


class Faces(NamedTuple):
    """What the quick head is told, and what it is to make of it."""

    features: Tensor  # (N, 512, 64, 64) half precision
    w: Tensor  # (N, 512)
    photos: Tensor  # (N, 3, 256, 256) bytes


def faces_of(taught: Taught, settings: Settings) -> Faces:
    """Faces by number, made once and kept in OUTPUT/faces; the same for the same seed."""
    body = taught.body
    encoder, axes, _ = load_encoder(settings.portrait)
    body.space.axes.copy_(axes)
    core = Core(body, taught.worn, encoder).eval()
    free, nothing = torch.zeros(1, 1, *2 * (TOLERANCE_SIZE,)), torch.zeros(1, CONDITION_SIZE)

    @torch.no_grad()
    def face(number: int) -> dict[str, Tensor]:
        sketch = sketch_of(body, latent(taught, settings.seed, number))
        features, w, *_ = core(sketch, free, nothing, torch.from_numpy(code_of(number))[None])
        features = features.half()
        photo = (body.photo(features.float(), w, have=64) + 1) * 127.5 + 0.5
        return {"features": features, "w": w, "photos": photo.clamp(0, 255).byte()}

    found = list(shards(settings.output / "faces", "", settings.faces, face))
    parts = ([torch.from_numpy(shard[name]) for shard in found] for name in Faces._fields)
    return Faces(*map(torch.cat, parts))


class Distillation:
    """One training of the quick head, and where it stands."""

    def __init__(self, taught: Taught, faces: Faces, settings: Settings) -> None:
        torch.manual_seed(settings.seed)
        self.body: PortraitBody = taught.body
        self.faces, self.settings, self.step = faces, settings, 0
        self.noise = self.body.noise_at_128()
        self.whiten, self.mean = _whitening(faces.features)
        self.quick = QuickHead()
        self.quick.load_state_dict(self._of_white(taught.body.quick.state_dict()))
        self.average = {name: t.clone() for name, t in self.quick.state_dict().items()}
        self.quick.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.alexnet: ShiftTolerantAlexNet = load_alexnet(torch.device("cpu"))
        styles = [p for part in (self.quick.style, self.quick.tint) for p in part.parameters()]
        others = [p for p in self.quick.parameters() if all(p is not style for style in styles)]
        groups: list[dict[str, Any]] = [
            {"params": others, "share": 1.0},
            {"params": styles, "share": _STYLES},
        ]
        self.optimizer = torch.optim.Adam(groups, betas=(0.9, 0.99))

    def _of_white(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """The weights of a head for features as the body gives them, for white ones."""
        weights = {name: tensor.clone() for name, tensor in weights.items()}
        first = weights["first.weight"][:, :, 0, 0]
        weights["first.bias"] += first @ self.mean
        white = torch.linalg.solve(self.whiten.double(), first.double(), left=False)
        weights["first.weight"] = white.float()[:, :, None, None]
        return weights

    def learnt(self) -> dict[str, Tensor]:
        """The averaged weights, for features as the body gives them."""
        weights = {name: tensor.clone() for name, tensor in self.average.items()}
        first = weights["first.weight"][:, :, 0, 0] @ self.whiten
        weights["first.weight"] = first[:, :, None, None]
        weights["first.bias"] -= first @ self.mean
        return weights

    def white(self, features: Tensor) -> Tensor:
        """Features (B, 512, h, w) as the head that learns takes them."""
        x = torch.einsum("oc,bchw->bohw", self.whiten, features - self.mean[:, None, None])
        return x.contiguous(memory_format=torch.channels_last)

    def train_step(self) -> dict[str, float]:
        """One step; what came out of it."""
        rng = np.random.default_rng((self.settings.seed, self.step))
        chosen = rng.integers(0, len(self.faces.w), self.settings.batch)
        # Half of all squares lie at a border of the photo, where features end.
        drawn = rng.integers(-_OVER, 64 - _SIDE + _OVER + 1, 2)
        top, left = np.clip(drawn, 0, 64 - _SIDE).tolist()
        x, noise, wanted = (
            picture[..., scale * top : scale * (top + _SIDE), scale * left : scale * (left + _SIDE)]
            for picture, scale in (
                (self.faces.features[chosen], 1),
                (self.noise, 2),
                (self.faces.photos[chosen], 4),
            )
        )
        with torch.no_grad():
            x = self.white(x.float())
        with autocast():
            photo = self.quick(x, noise, self.faces.w[chosen]).float()
        rows, columns = _known(top), _known(left)
        photo, wanted = photo[..., rows, columns], wanted[..., rows, columns].float() / 127.5 - 1
        with autocast():
            with torch.no_grad():
                maps = self.alexnet(wanted)
            perceptual = self.alexnet.distance(self.alexnet(photo), maps).mean()
        numbers = {
            "pixels": photo_loss(photo, wanted),
            "chroma": (_chroma(photo) - _chroma(wanted)).abs().mean(),
            "perceptual": perceptual,
        }
        self._update(numbers["pixels"] + _CHROMA * numbers["chroma"] + numbers["perceptual"])
        self.step += 1
        return {name: float(value.detach()) for name, value in numbers.items()}

    def _update(self, loss: Tensor) -> None:
        settings = self.settings
        rise = min(1.0, (self.step + 1) / 100)
        rate = settings.rate * rise * min(1.0, 2 * (1 - self.step / settings.steps))
        for group in self.optimizer.param_groups:
            group["lr"] = group["share"] * rate
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.quick.parameters(), 1.0)
        self.optimizer.step()
        memory = min(_AVERAGE, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, value in self.quick.state_dict().items():
                self.average[name].lerp_(value, 1 - memory)

    def state(self) -> dict[str, Any]:
        parts = {name: getattr(self, name).state_dict() for name in _PARTS}
        return {**parts, "average": self.average, "step": self.step}

    def load_state(self, state: dict[str, Any]) -> None:
        for name in _PARTS:
            getattr(self, name).load_state_dict(state[name])
        self.average, self.step = state["average"], state["step"]


def _known(first: int) -> slice:
    """The pixels of a square from cell `first` of 64 on whose photo is known, along one side."""
    begin, end = _BORDER * (first > 0), _SIDE - _BORDER * (first + _SIDE < 64)
    return slice(4 * begin, 4 * end)


def _whitening(features: Tensor) -> tuple[Tensor, Tensor]:
    """(512, 512) and (512,): the body's channels resemble each other, which learns slowly."""
    cells = features[:_WHITENED_BY].permute(1, 0, 2, 3).flatten(1)[:, ::_EVERY].double()
    variances, directions = torch.linalg.eigh(torch.cov(cells))
    roots = variances.clamp_min(_LEAST * variances.max()).sqrt()
    return (directions / roots).T.float(), cells.mean(dim=1).float()


def _chroma(photo: Tensor) -> Tensor:
    """Red and blue against green, (B, 2, S / 4, S / 4)."""
    red, green, blue = F.avg_pool2d(photo, 4).unbind(1)
    return torch.stack([red - green, blue - green], dim=1)


_PARTS = ("quick", "optimizer")


def distil(settings: Settings) -> None:
    torch.set_num_threads(1)  # the same sums in the same order, however many cores there are
    settings.output.mkdir(parents=True, exist_ok=True)
    facts = {name: str(value) for name, value in asdict(settings).items() if name != "output"}
    state = load_state(settings.output)
    if state is not None and state["settings"] != facts:
        raise InputError(f"{settings.output} holds another training; choose another folder")
    taught = load_taught()
    training = Distillation(taught, faces_of(taught, settings), settings)
    if state is not None:
        training.load_state(state)
    bar = tqdm(range(training.step, settings.steps), initial=training.step, total=settings.steps)
    means: dict[str, float] = {}
    for step in bar:
        for name, value in training.train_step().items():
            means[name] = 0.98 * means.get(name, value) + 0.02 * value
        bar.set_postfix({name: f"{mean:.3f}" for name, mean in means.items()}, refresh=False)
        if (step + 1) % SAVE_EVERY == 0 or step + 1 == settings.steps:
            save_state({**training.state(), "settings": facts}, settings.output)
    write_heads({"quick": training.learnt()}, settings.output)


if __name__ == "__main__":
    try:
        distil(tyro.cli(Settings, description=__doc__))
    except InputError as problem:
        print(problem, file=sys.stderr)
        sys.exit(2)
