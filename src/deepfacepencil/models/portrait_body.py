"""The trained body of portraits: MobileStyleGAN from its package, and what was taught about it.

portrait_heads.safetensors holds the latter: the space of latents, the heads for labels and photos,
what tells and makes beards and glasses, and probes that say from a latent whether its face has
glasses, a beard, which age. Labels, ages and the sexes that people would guess came from other
networks, once; none of them is needed any more. Beards were judged by eye, on 360 of the body's
faces.
"""

import hashlib
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load
from torch import Tensor
from torch.nn import functional as F

from ..errors import InputError
from ..sketch.beard import cheeks_and_below
from . import mobile_stylegan
from .generator import to_bytes
from .portrait import TOLD, PortraitBody
from .worn import Beards, Glasses, Worn, tell_of

HEADS = Path(__file__).parent / "portrait_heads.safetensors"
SHA256 = "9f8a8c503775f7d7b5d362c429aeb81d5aadd4fcec38060d526efa26085e34ba"
PROBES = (
    "glasses", "hat", "hair", "earring", "light skin", "light hair", "fair hair", "beard", "age",
    "male", "curls",
)  # fmt: skip


class Taught(NamedTuple):
    """The body, and what a training and the making of data need besides."""

    body: PortraitBody
    latent_mean: Tensor  # (512,) of w
    deviation: Tensor  # (512,) of the features at 32 px, by channel
    label_weights: Tensor  # (19,) of the classes in L_rec's place: the rare ones weigh more
    probes: dict[str, Tensor]
    worn: Worn

    def probe(self, w: Tensor) -> dict[str, Tensor]:
        """w (B, 512) -> a number (B,) for each of PROBES: linear in what the mapping computes.

        "age" is in years, "male" is how sure a face network was, 0 to 1; of the others only their
        order means something.
        """
        x = torch.where(w > 0, w, 5 * w) - self.probes["mean"]
        values = x / self.probes["deviation"] @ self.probes["weight"].T + self.probes["bias"]
        return dict(zip(PROBES, values.unbind(1), strict=True))


def load_taught(heads: Path = HEADS) -> Taught:
    """The body with its trained weights, without gradients.

    Raises InputError if the package of the generator is not installed, or if a file is damaged.
    """
    mapping, synthesis = mobile_stylegan.load()
    try:
        data = heads.read_bytes()
    except OSError as problem:
        raise InputError(f"{heads} cannot be read ({problem.strerror})") from problem
    if hashlib.sha256(data).hexdigest() != SHA256:
        raise InputError(f"{heads} is damaged: its digest is another; install deepfacepencil again")
    stored = {name: tensor.float() for name, tensor in load(data).items()}
    latent_mean, deviation = stored.pop("latent_mean"), stored.pop("deviation")
    label_weights = stored.pop("label_weights")
    probes = {
        name.removeprefix("probes."): stored.pop(name)
        for name in list(stored)
        if name.startswith("probes.")
    }
    row, column = stored.pop("glasses.place").int().tolist()
    look, bias = (stored.pop(f"glasses.{name}") for name in ("look", "bias"))
    worn = Worn(
        Beards(*(stored.pop(f"beard.{name}") for name in Beards._fields)),
        Glasses(look, tell_of(look, deviation), bias, (row, column)),
    )
    body = PortraitBody()
    body.mapping, body.synthesis = mapping, synthesis
    stored["space.axes"] = body.space.axes  # each training finds its own
    for part in ("space", "head", "quick", "labels"):
        own = {n.removeprefix(f"{part}."): t for n, t in stored.items() if n.startswith(f"{part}.")}
        getattr(body, part).load_state_dict(own)
    of_told = probes["weight"][[PROBES.index(name) for name in TOLD]] / probes["deviation"]
    rows = of_told @ body.space.colour.T
    body.space.told = rows / rows.norm(dim=1, keepdim=True)
    body = body.requires_grad_(False).eval()
    return Taught(body, latent_mean, deviation, label_weights, probes, worn)


@cache
def shared() -> Taught:
    """`load_taught`, once a process."""
    return load_taught()


@torch.no_grad()
def photo_of(body: PortraitBody, features: Tensor, w: Tensor) -> NDArray[np.uint8]:
    """Features (1, 512, 32, 32) and their latent w (1, 512) -> the photo (256, 256, 3)."""
    return to_bytes(body.photo(features, w)[0])


@torch.no_grad()
def labels_of(body: PortraitBody, features: Tensor) -> NDArray[np.uint8]:
    """Features (1, 512, 32, 32) -> the classes of their photo's pixels, (256, 256)."""
    logits = F.interpolate(body.labels(features), size=256, mode="bilinear")
    return logits[0].argmax(0).byte().numpy()


@torch.no_grad()
def beard_of(taught: Taught, features: Tensor, labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """How bearded a face is, cell by cell: (32, 32), 0 for smooth to 255.

    `features` (1, 512, 32, 32) and `labels` (256, 256) of the same face.
    """
    cheeks, below = (torch.from_numpy(mask)[None] for mask in cheeks_and_below(labels))
    bearded = taught.worn.beards.score(features, cheeks) * below
    return (bearded[0].clamp(0, 1) * 255).byte().numpy()
