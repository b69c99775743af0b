"""The sample sheet: what the networks make of the same few faces, every few minutes of training.

Rows as in Fig. 4 of the paper, with SAP's attention as in Fig. 3.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from ..models.enhancer import half_size
from ..models.generator import MainGenerator, to_bytes
from ..runtime.overlay import tolerance_overlay
from .batches import Batch


@torch.no_grad()
def sample_sheet(generators: nn.ModuleDict, batch: Batch, with_main: bool) -> Image.Image:
    """Rows of S_syn, S_dfm, G_a's photo, G_m's, SAP's tolerance, and the truth; a face a column.

    `with_main` is False before G_m is trained: its rows are left out. So is that of the tolerance
    if there is no SAP. A single generator makes a photo of S_syn and one of S_dfm.
    """
    rows = [
        [_grey(sketch) for sketch in batch.S_syn.sketch],
        [_grey(sketch) for sketch in batch.S_dfm.sketch],
        [to_bytes(photo) for photo in generators["auxiliary"](batch.S_syn).photo],
    ]
    if with_main:
        result = generators["main"](batch.S_dfm)
        rows.append([to_bytes(photo) for photo in result.photo])
        if result.attention is not None:
            drawings = (batch.S_dfm.sketch[:, 0] * 255).byte().cpu().numpy()
            pairs = zip(drawings, result.attention.cpu().numpy(), strict=True)
            rows.append([tolerance_overlay(drawing, attention) for drawing, attention in pairs])
    rows.append([to_bytes(photo) for photo in batch.photo])
    return Image.fromarray(np.vstack([np.hstack(row) for row in rows]))


@torch.no_grad()
def enhancer_sheet(generators: nn.ModuleDict, batch: Batch) -> Image.Image:
    """Rows of S_dfm, the enhancer's photo and the truth; a face a column."""
    main = generators["main"]
    assert isinstance(main, MainGenerator)
    decoded = main.decoded(half_size(batch.S_dfm))
    rows = [
        [_grey(sketch) for sketch in batch.S_dfm.sketch],
        [to_bytes(photo) for photo in generators["enhancer"](batch.S_dfm, decoded)],
        [to_bytes(photo) for photo in batch.photo],
    ]
    return Image.fromarray(np.vstack([np.hstack(row) for row in rows]))


def _grey(sketch: Tensor) -> NDArray[np.uint8]:
    """(1, H, W) in {0..1} -> (H, W, 3) bytes, dark on white."""
    return (255 - sketch[0] * 255).round().byte().cpu().numpy()[:, :, None].repeat(3, axis=2)
