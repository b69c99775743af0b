"""The trained body of portraits: MobileStyleGAN from its package, and what was taught about it.

portrait_heads.safetensors holds the latter: the space of latents, the heads for labels and photos,
and probes that say from a latent whether its face has glasses, a beard, which age. Labels, ages and
the sexes that people would guess came from other networks, once; none of them is needed any more.
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
from . import mobile_stylegan
from .portrait import TOLD, PortraitBody

HEADS = Path(__file__).parent / "portrait_heads.safetensors"
SHA256 = "7874c36a9b90212688d6ebb0a2ed70b6db2296d5ffa88504b06dba5970578b2b"
PROBES = (
    "glasses", "hat", "hair", "earring", "light skin", "light hair", "fair hair", "beard", "age",
    "male",
)  # fmt: skip


class Taught(NamedTuple):
    """The body, and what a training and the making of data need besides."""

    body: PortraitBody
    latent_mean: Tensor  # (512,) of w
    deviation: Tensor  # (512,) of the features at 32 px, by channel
    label_weights: Tensor  # (19,) of the classes in L_rec's place: the rare ones weigh more
    probes: dict[str, Tensor]

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
    body = PortraitBody()
    body.mapping, body.synthesis = mapping, synthesis
    stored["space.axes"] = body.space.axes  # each training finds its own
    for part in ("space", "head", "labels"):
        own = {n.removeprefix(f"{part}."): t for n, t in stored.items() if n.startswith(f"{part}.")}
        getattr(body, part).load_state_dict(own)
    of_told = probes["weight"][[PROBES.index(name) for name in TOLD]] / probes["deviation"]
    rows = of_told @ body.space.colour.T
    body.space.told = rows / rows.norm(dim=1, keepdim=True)
    return Taught(body.requires_grad_(False).eval(), latent_mean, deviation, label_weights, probes)


@cache
def shared() -> Taught:
    """`load_taught`, once a process."""
    return load_taught()


@torch.no_grad()
def photo_with_labels(body: PortraitBody, w: Tensor) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A latent w (1, 512) -> its photo (256, 256, 3) and the classes of its pixels (256, 256)."""
    features = body.features(w)
    photo = ((body.photo(features, w)[0].permute(1, 2, 0) + 1) * 127.5 + 0.5).clamp(0, 255)
    logits = F.interpolate(body.labels(features), size=256, mode="bilinear")
    return photo.byte().numpy(), logits[0].argmax(0).byte().numpy()
