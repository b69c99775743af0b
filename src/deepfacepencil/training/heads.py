"""Fitting the body's own heads: of photos, and of labels (models/portrait_heads.py; ours).

    python -m deepfacepencil.training.heads photos FOLDER --count 800
    python -m deepfacepencil.training.heads fit OUTPUT [--run RUN]
    python -m deepfacepencil.training.heads fit OUTPUT --head labels --labels FOLDER

The photo head learns the photo that the body itself makes by going on to 1024 px. Labels are what
a face parser, anybody's, makes of what `photos` writes: FOLDER/000012.png is the map of classes of
face 12. OUTPUT/portrait_heads.safetensors holds all heads, the new one among them; to be used it
takes the place of the one beside models/portrait_body.py, whose SHA256 becomes the one printed.
The same command goes on where it was interrupted, and gives the same file for the same seed.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
import tyro
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file, save
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F
from tqdm import tqdm

from ..errors import InputError
from ..export_portrait import load_encoder
from ..files import atomic_path
from ..models.condition import Condition
from ..models.mobile_stylegan import LATENT, SIZES, slots
from ..models.portrait import HEAD, SKETCH_SIZE, PortraitBody, PortraitEncoder
from ..models.portrait_body import HEADS, Taught, labels_of, load_taught, photo_of
from ..models.portrait_heads import PhotoHead
from ..runtime.appearance import CONDITION_SIZE
from ..runtime.engine import SPREAD
from ..sketch.labels import CLASSES
from ..sketch.pen import draw
from ..sketch.trace import trace_labels
from .checkpoint import load_state, save_state
from .precision import autocast

SHARD = 20  # faces a file of crops
_CROPS = 6  # a face
_SIDE, _BORDER = 24, 2  # cells of a crop; of those along its border the photo is not known
_STRAIGHT = 0.03  # of the rate for a head's straight part, which begins where it is best alone
_NEAREST = 0.7  # of the share of its way from the mean that a latent keeps, at least
SAVE_EVERY = 250  # steps
_FEW = 1024  # numbers that are stored as they are; more are stored in half precision


@dataclass(frozen=True)
class Photos:
    """Write the photos of the body's faces, for a parser to label."""

    folder: tyro.conf.Positional[Path]
    count: int = 800
    seed: int = 0

    def run(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        taught = load_taught()
        for number in tqdm(range(self.count), unit=" photos"):
            path = self.folder / f"{number:06d}.png"
            if not path.exists():
                w = latent(taught, self.seed, number)
                photo = photo_of(taught.body, taught.body.features(w), w)
                with atomic_path(path) as temporary:
                    Image.fromarray(photo).save(temporary, "png")


@dataclass(frozen=True)
class Fit:
    """Fit one head; the others stay as they are."""

    output: tyro.conf.Positional[Path]
    head: Literal["head", "labels"] = "head"
    labels: Path | None = None
    """Folder of label maps, for the head of labels."""
    portrait: Annotated[Path | None, tyro.conf.arg(name="run")] = None
    """Folder of a training: every second face is corrected by it, as drawings will do."""
    faces: int = 400
    steps: int = 3000
    batch: int = 8
    rate: float = 1e-3
    seed: int = 0

    def run(self) -> None:
        torch.set_num_threads(1)  # the same sums in the same order, however many cores there are
        self.output.mkdir(parents=True, exist_ok=True)
        taught = load_taught()
        network = getattr(taught.body, self.head)
        torch.manual_seed(self.seed)
        for layer in network.modules():
            if hasattr(layer, "reset_parameters"):
                layer.reset_parameters()
        whiten = torch.eye(1)
        if self.head == "labels":
            if self.labels is None:
                raise InputError("--head labels learns from --labels FOLDER, maps of a face parser")
            step = _label_steps(taught, self.labels, self)
        else:
            step, whiten = _photo_steps(taught, self)
        self._train(network, step)
        with torch.no_grad():
            for layer in _takers(network):
                layer.weight.copy_((layer.weight[:, :, 0, 0] @ whiten)[:, :, None, None])
        write_heads({self.head: network.state_dict()}, self.output)

    def _train(self, network: nn.Module, loss_of: Callable[[NDArray[np.int64]], Tensor]) -> None:
        network.requires_grad_(True).train()
        straight = [p for name, p in network.named_parameters() if name.startswith("bands.")]
        others = [p for name, p in network.named_parameters() if not name.startswith("bands.")]
        groups = [{"params": straight, "share": _STRAIGHT}, {"params": others, "share": 1.0}]
        optimizer = torch.optim.Adam([group for group in groups if group["params"]])
        settings = {name: str(value) for name, value in asdict(self).items() if name != "output"}
        start = 0
        state = load_state(self.output)
        if state is not None:
            if state["settings"] != settings:
                raise InputError(f"{self.output} holds another fit; choose another folder")
            network.load_state_dict(state["network"])
            optimizer.load_state_dict(state["optimizer"])
            start = state["step"]
        mean, bar = 0.0, tqdm(range(start, self.steps), initial=start, total=self.steps)
        for step in bar:
            for group in optimizer.param_groups:
                group["lr"] = group["share"] * self.rate * (1 - step / self.steps)
            chosen = np.random.default_rng((self.seed, step)).integers(0, 2**31, self.batch)
            loss = loss_of(chosen)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            value = float(loss.detach())
            mean = value if step == start else 0.98 * mean + 0.02 * value
            bar.set_postfix(loss=f"{mean:.4f}", refresh=False)
            if (step + 1) % SAVE_EVERY == 0 or step + 1 == self.steps:
                now = {"network": network.state_dict(), "optimizer": optimizer.state_dict()}
                save_state({**now, "step": step + 1, "settings": settings}, self.output)


def write_heads(new: dict[str, dict[str, Tensor]], output: Path) -> None:
    """Write OUTPUT/portrait_heads.safetensors: the heads that there are, some of them `new`."""
    stored = {name: t for name, t in load_file(HEADS).items() if name.split(".")[0] not in new}
    for head, weights in new.items():
        for name, t in weights.items():
            kept = t.detach().contiguous()
            stored[f"{head}.{name}"] = kept.half() if kept.numel() > _FEW else kept
    data, path = save(stored), output / HEADS.name
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)
    print(f"{path}: SHA256 = {hashlib.sha256(data).hexdigest()}")


def latent(taught: Taught, seed: int, number: int) -> Tensor:
    """w (1, 512) of face `number`: normal z, moved towards the mean by up to three tenths."""
    rng = np.random.default_rng((seed, number))
    mapped = taught.body.mapping(torch.from_numpy(rng.standard_normal((1, LATENT), np.float32)))
    return taught.latent_mean + rng.uniform(_NEAREST, 1) * (mapped - taught.latent_mean)


@torch.no_grad()
def sketch_of(body: PortraitBody, w: Tensor) -> Tensor:
    """S_syn (1, 1, 128, 128) of the face w (1, 512), 0 for paper to 1 for stroke."""
    strokes = trace_labels(labels_of(body, body.features(w)))
    return torch.from_numpy(draw(strokes, SKETCH_SIZE).astype(np.float32) / 255)[None, None]


@torch.no_grad()
def corrected_face(
    body: PortraitBody, encoder: PortraitEncoder, w: Tensor, rng: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Features (1, 512, 32, 32) and latent of somebody who fits a drawing of the face w."""
    nothing = torch.zeros(1, CONDITION_SIZE)
    steered = encoder(Condition(sketch_of(body, w), appearance=nothing))
    code = SPREAD * torch.randn(1, LATENT, generator=rng)
    w = body.space.somebody(steered.mean, steered.log_scale, code, nothing)
    return body.corrected(w, steered, encoder.corrections), w


@torch.no_grad()
def crops_of(
    body: PortraitBody, features: Tensor, w: Tensor, size: int, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Squares of the features of half of `size` px (N, C, 24, 24), and of the body's own photo of
    `size` px (N, 3, 48, 48)."""
    styles, first = slots(w), SIZES.index(size)
    x = body.raised(features, styles, 32, size // 2)
    taken, photos = [], []
    for top, left in rng.integers(0, size // 2 - _SIDE + 1, (_CROPS, 2)):
        crop = x[:, :, top : top + _SIDE, left : left + _SIDE]
        taken.append(crop)
        y, scale = crop, 1
        for level in range(first, len(SIZES)):
            scale *= 2
            y = part_of_level(body, y, styles, level, int(top) * scale, int(left) * scale)
        photo = body.synthesis.photo(y, styles).clamp(-1, 1)
        photos.append(F.avg_pool2d(photo, photo.shape[-1] // (2 * _SIDE)))
    return torch.cat(taken), torch.cat(photos)


def part_of_level(
    body: PortraitBody, x: Tensor, styles: Tensor, level: int, top: int, left: int
) -> Tensor:
    """`Synthesis.level` of a square of the features, whose noise is that of its place."""
    module, side = body.synthesis.levels[level], 2 * x.shape[-1]
    noises = {
        name: value[:, :, top : top + side, left : left + side]
        for name, value in module.named_parameters()
        if name.endswith("noise")
    }
    return functional_call(module, noises, (x, styles[:, 1 + 3 * level : 4 + 3 * level]))


def _takers(network: nn.Module) -> list[nn.Conv2d]:
    """The layers of the photo head that take the body's features."""
    return [network.bands, network.hidden] if isinstance(network, PhotoHead) else []


def _photo_steps(taught: Taught, fit: Fit) -> tuple[Callable[[NDArray[np.int64]], Tensor], Tensor]:
    """The loss of the photo head on the crops with these (random) numbers.

    The channels differ by four orders of size and resemble each other, so the head learns on white
    ones; its first layers are to be multiplied by the matrix that whitens (C, C) afterwards.
    """
    size = 2 * HEAD
    encoder = None
    if fit.portrait is not None:
        encoder, axes, _ = load_encoder(fit.portrait)
        taught.body.space.axes.copy_(axes)
    shards = list(_shards(taught, encoder, size, fit))
    x, photos, latents = (np.concatenate(parts) for parts in zip(*shards, strict=True))
    network = getattr(taught.body, fit.head)
    with torch.no_grad():
        few = slice(None, None, max(1, len(x) // 200))
        whiten = _whitening(torch.from_numpy(x[few]).float())
        for start in range(0, len(x), 48):
            part = slice(start, start + 48)
            x[part] = torch.einsum("oc,bchw->bohw", whiten, torch.from_numpy(x[part]).float())
    _begin_straight(
        network, torch.from_numpy(x[few]).float(), torch.from_numpy(photos[few]).float()
    )

    def loss_of(chosen: NDArray[np.int64]) -> Tensor:
        chosen = chosen % len(x)
        features = torch.from_numpy(x[chosen]).float()
        with autocast():
            photo = network(features, torch.from_numpy(latents[chosen])).float()
        known = slice(2 * _BORDER, -2 * _BORDER)
        wanted = torch.from_numpy(photos[chosen]).float()
        return photo_loss(photo[..., known, known], wanted[..., known, known])

    return loss_of, whiten


def _whitening(x: Tensor) -> Tensor:
    """A matrix (C, C) after which features like x (N, C, H, W) have unit variance everywhere."""
    cells = x.permute(1, 0, 2, 3).flatten(1).double()
    variances, directions = torch.linalg.eigh(cells @ cells.T / cells.shape[1])
    roots = variances.clamp_min(1e-6 * variances.max()).sqrt()
    return (directions / roots).T.float()


@torch.no_grad()
def _begin_straight(network: PhotoHead, x: Tensor, photos: Tensor) -> None:
    """The straight part by least squares; the hidden one begins without a say."""
    known = slice(_BORDER, -_BORDER)
    a = x[..., known, known].permute(1, 0, 2, 3).flatten(1).double()
    a = torch.cat([a, torch.ones_like(a[:1])])
    b = haar(photos)[..., known, known].permute(1, 0, 2, 3).flatten(1).double()
    ridge = 1e-3 * a.shape[1] * torch.eye(len(a), dtype=a.dtype)
    found = torch.linalg.solve(a @ a.T + ridge, a @ b.T).T.float()
    network.bands.weight.copy_(found[:, :-1, None, None])
    assert network.bands.bias is not None
    network.bands.bias.copy_(found[:, -1])
    for layer in (network.modulation, network.shift, network.more):
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)  # type: ignore[arg-type]


def haar(photos: Tensor) -> Tensor:
    """What `inverse_haar` makes photos (B, 3, 2 H, 2 W) of, (B, 12, H, W)."""
    a, b, c, d = F.pixel_unshuffle(photos, 2).unflatten(1, (3, 4)).unbind(2)
    low, vertical, horizontal = (a + b + c + d) / 2, (a + b - c - d) / 2, (a - b + c - d) / 2
    bands = torch.stack([vertical, horizontal, (a - b - c + d) / 2], dim=2)
    return torch.cat([low, bands.flatten(1, 2)], dim=1)


def _shards(
    taught: Taught, encoder: PortraitEncoder | None, size: int, fit: Fit
) -> Iterator[tuple[NDArray[Any], ...]]:
    """Crops of all faces: features, photos, latents; made once, kept in OUTPUT/crops."""

    def crops(number: int) -> dict[str, Tensor]:
        features, w = numbered_face(taught, encoder, fit.seed, number)
        rng = np.random.default_rng((fit.seed, number, 1))
        x, y = crops_of(taught.body, features, w, size, rng)
        return {"x": x.half(), "y": y.half(), "w": w.expand(_CROPS, -1)}

    for shard in shards(fit.output / "crops", f"{fit.head}-{fit.seed}-", fit.faces, crops):
        yield shard["x"], shard["y"], shard["w"]


def numbered_face(
    taught: Taught, encoder: PortraitEncoder | None, seed: int, number: int
) -> tuple[Tensor, Tensor]:
    """Features (1, 512, 32, 32) and latent of face `number`; `encoder` corrects every second."""
    w = latent(taught, seed, number)
    if encoder is None or number % 2 == 0:
        return taught.body.features(w), w
    return corrected_face(taught.body, encoder, w, torch.Generator().manual_seed(number))


def shards(
    folder: Path, stem: str, count: int, make: Callable[[int], dict[str, Tensor]]
) -> Iterator[dict[str, NDArray[Any]]]:
    """What `make` makes of the numbers below `count`, SHARD of them a file of `folder`.

    What is there is not made again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for first in tqdm(range(0, count, SHARD), unit=f" x {SHARD} faces"):
        path = folder / f"{stem}{first:06d}.npz"
        if not path.exists():
            made = [make(number) for number in range(first, min(first + SHARD, count))]
            arrays = {name: torch.cat([one[name] for one in made]).numpy() for name in made[0]}
            with atomic_path(path) as temporary, temporary.open("wb") as file:
                np.savez(file, **arrays)  # type: ignore[arg-type]
        with np.load(path) as stored:
            yield dict(stored)


def photo_loss(photo: Tensor, wanted: Tensor) -> Tensor:
    """L1 of pixels, of differences between neighbours, and of how strong those are around a place.

    A network that blurs before it halves does not see a grid of two pixels; differences do. Their
    strength must be right even where their place cannot be told: hair is not to become smooth.
    """
    loss = (photo - wanted).abs().mean()
    for a, b in zip(_differences(photo), _differences(wanted), strict=True):
        loss = loss + (a - b).abs().mean()
        strengths = [F.avg_pool2d(d.abs(), 8, stride=4) for d in (a, b)]
        loss = loss + (strengths[0] - strengths[1]).abs().mean()
    return loss


def _differences(x: Tensor) -> list[Tensor]:
    """Between pixels side by side, one below the other, and across: everything but the mean."""
    across = x[..., 1:] - x[..., :-1]
    return [across, x[..., 1:, :] - x[..., :-1, :], across[..., 1:, :] - across[..., :-1, :]]


def _label_steps(taught: Taught, folder: Path, fit: Fit) -> Callable[[NDArray[np.int64]], Tensor]:
    """The loss of the label head on the faces with these (random) numbers."""
    network, paths = taught.body.labels, sorted(folder.glob("*.png"))
    if not paths:
        raise InputError(f"{folder} has no label maps (000000.png ...)")
    x, shares = [], []
    for path in tqdm(paths, unit=" faces"):
        if not path.stem.isdecimal():
            raise InputError(f"{path}: a label map is named after the number of its face")
        labels = torch.from_numpy(np.array(Image.open(path).convert("L"), np.int64))
        height, width = labels.shape
        if labels.max() >= len(CLASSES) or height % 64 or height != width:
            raise InputError(f"{path} is no square map of classes 0 to {len(CLASSES) - 1}")
        one_hot = F.one_hot(labels, len(CLASSES)).permute(2, 0, 1).float()
        shares.append(F.avg_pool2d(one_hot[None], len(labels) // 64)[0].half())
        with torch.no_grad():
            w = latent(taught, fit.seed, int(path.stem))
            x.append(taught.body.features(w)[0].half())

    def loss_of(chosen: NDArray[np.int64]) -> Tensor:
        chosen = chosen % len(x)
        features = torch.stack([x[i] for i in chosen]).float()
        wanted = torch.stack([shares[i] for i in chosen]).float()
        return F.cross_entropy(network(features), wanted, taught.label_weights)

    return loss_of


if __name__ == "__main__":
    try:
        tyro.cli(
            Annotated[Photos, tyro.conf.subcommand("photos")]
            | Annotated[Fit, tyro.conf.subcommand("fit")],
            description=__doc__,
        ).run()
    except InputError as problem:
        raise SystemExit(f"{problem}") from None
