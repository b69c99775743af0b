"""Teaching the quick head the photos of 256 px of the body (models/portrait_heads.py; ours).

    python -m deepfacepencil.training.distil OUTPUT --run RUN

It sees squares of the features of generated faces, every second one corrected after a drawing, as
all will be. The loss is L1 of pixels, of their differences and of colours, and ST-LPIPS.
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
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from ..errors import InputError
from ..export_portrait import load_encoder
from ..models.alexnet import ShiftTolerantAlexNet, load_alexnet
from ..models.mobile_stylegan import SIZES, slots
from ..models.portrait import PortraitBody
from ..models.portrait_body import Taught, load_taught
from ..models.portrait_heads import QuickHead
from .checkpoint import load_state, save_state
from .heads import numbered_face, part_of_level, photo_loss, shards, write_heads
from .precision import autocast

# Cells of 32 px of a square; of those along its border the photo is not known.
_SIDE, _BORDER = 20, 2
_WHOLE = 6  # every so many steps whole faces are seen: borders of photos are borders of features
_WHITENED_BY = 200  # faces
_LEAST = 1e-4  # of the largest variance: what varies less is not made larger
_STYLES = 0.08  # of the rate: a latent's numbers move every place of a channel
_AVERAGE = 0.998  # of the weights, a step
_CHROMA = 2.0  # of how far colours are off, beside L1 of pixels, which is mostly of light and dark
SAVE_EVERY = 250  # steps


@dataclass(frozen=True)
class Settings:
    output: tyro.conf.Positional[Path]
    portrait: Annotated[Path, tyro.conf.arg(name="run")]
    """Folder of a training: every second face is corrected by it, as drawings will do."""
    faces: int = 1000
    steps: int = 10_000
    batch: int = 6
    rate: float = 1e-3
    seed: int = 0


class Faces(NamedTuple):
    """What the quick head is told, and what it is to make of it."""

    features: Tensor  # (N, 512, 32, 32) half precision
    w: Tensor  # (N, 512)
    photos: Tensor  # (N, 3, 256, 256) bytes


def faces_of(taught: Taught, settings: Settings) -> Faces:
    """Faces by number, made once and kept in OUTPUT/faces; the same for the same seed."""
    body = taught.body
    encoder, axes, _ = load_encoder(settings.portrait)
    body.space.axes.copy_(axes)

    @torch.no_grad()
    def face(number: int) -> dict[str, Tensor]:
        features, w = numbered_face(taught, encoder, settings.seed, number)
        features = features.half()
        photo = (body.photo(features.float(), w) + 1) * 127.5 + 0.5
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
        self.whiten, self.mean = self._whitening()
        self.quick = QuickHead()
        for name, parameter in self.quick.named_parameters():
            if parameter.ndim == 4:
                nn.init.kaiming_normal_(parameter, 0.2)
            elif name.startswith(("style.", "tint.")) and parameter.ndim == 2:
                nn.init.normal_(parameter, std=0.002)
            else:
                nn.init.zeros_(parameter)
        with torch.no_grad():
            self.quick.last.weight.mul_(0.05)
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

    @torch.no_grad()
    def _whitening(self) -> tuple[Tensor, Tensor]:
        """(512, 512) and (512,): the body's channels resemble each other, which learns slowly."""
        seen = []
        for number in range(min(_WHITENED_BY, len(self.faces.w))):
            x, _ = self._square(np.array([number]), None)
            seen.append(x[0].flatten(1)[:, ::41].double())
        values = torch.cat(seen, dim=1)
        mean = values.mean(dim=1)
        variances, directions = torch.linalg.eigh(torch.cov(values))
        roots = variances.clamp_min(_LEAST * variances.max()).sqrt()
        return (directions / roots).T.float(), mean.float()

    def _square(
        self, chosen: NDArray[np.int64], corner: tuple[int, int] | None
    ) -> tuple[Tensor, Tensor]:
        """Features (B, 512, s, s) of 64 px of a square, or of all, and latents of these faces."""
        features, w = self.faces.features[chosen].float(), self.faces.w[chosen]
        styles, level = slots(w), SIZES.index(64)
        if corner is None:
            return self.body.synthesis.level(features, styles, level), w
        top, left = corner
        square = features[:, :, top : top + _SIDE, left : left + _SIDE]
        return part_of_level(self.body, square, styles, level, 2 * top, 2 * left), w

    def train_step(self) -> float:
        """One step; returns the loss."""
        rng = np.random.default_rng((self.settings.seed, self.step))
        whole = self.step % _WHOLE == _WHOLE - 1
        chosen = rng.integers(0, len(self.faces.w), 2 if whole else self.settings.batch)
        top, left = (int(n) for n in rng.integers(0, 32 - _SIDE + 1, 2))
        with torch.no_grad():
            x, w = self._square(chosen, None if whole else (top, left))
            x = torch.einsum("oc,bchw->bohw", self.whiten, x - self.mean[:, None, None])
            x = x.contiguous(memory_format=torch.channels_last)
        noise, wanted = self.noise, self.faces.photos[chosen].float() / 127.5 - 1
        if not whole:
            noise, wanted = (
                picture[
                    ..., scale * top : scale * (top + _SIDE), scale * left : scale * (left + _SIDE)
                ]
                for picture, scale in ((noise, 4), (wanted, 8))
            )
        with autocast():
            photo = self.quick(x, noise, w).float()
        if not whole:
            known = slice(8 * _BORDER, -8 * _BORDER)
            photo, wanted = photo[..., known, known], wanted[..., known, known]
        loss = photo_loss(photo, wanted) + _CHROMA * (_chroma(photo) - _chroma(wanted)).abs().mean()
        side = 8 * (_SIDE - 2 * _BORDER)  # of whole photos, as large a part as a square is
        row, column = (int(n) for n in rng.integers(0, photo.shape[-1] - side + 1, 2))
        part, real = (p[..., row : row + side, column : column + side] for p in (photo, wanted))
        with autocast():
            with torch.no_grad():
                maps = self.alexnet(real)
            loss = loss + self.alexnet.distance(self.alexnet(part), maps).mean()
        self._update(loss)
        self.step += 1
        return float(loss.detach())

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

    def learnt(self) -> dict[str, Tensor]:
        """The averaged weights, for features as the body gives them."""
        weights = {name: tensor.clone() for name, tensor in self.average.items()}
        first = weights["first.weight"][:, :, 0, 0] @ self.whiten
        weights["first.weight"] = first[:, :, None, None]
        weights["first.bias"] -= first @ self.mean
        return weights

    def state(self) -> dict[str, Any]:
        parts = {name: getattr(self, name).state_dict() for name in _PARTS}
        return {**parts, "average": self.average, "step": self.step}

    def load_state(self, state: dict[str, Any]) -> None:
        for name in _PARTS:
            getattr(self, name).load_state_dict(state[name])
        self.average, self.step = state["average"], state["step"]


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
    mean = None
    for step in bar:
        value = training.train_step()
        mean = value if mean is None else 0.98 * mean + 0.02 * value
        bar.set_postfix(loss=f"{mean:.4f}", refresh=False)
        if (step + 1) % SAVE_EVERY == 0 or step + 1 == settings.steps:
            save_state({**training.state(), "settings": facts}, settings.output)
    write_heads({"quick": training.learnt()}, settings.output)


if __name__ == "__main__":
    try:
        distil(tyro.cli(Settings, description=__doc__))
    except InputError as problem:
        print(problem, file=sys.stderr)
        sys.exit(2)
