"""Spatial attention pooling: relax each stroke as far as it is badly drawn (section 3.2, Fig. 3).

Max pooling with several kernel sizes widens the strokes, one size per branch; an attention map,
computed from what the classifier C sees, chooses at every position how much of each branch goes on.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..runtime.overlay import RESOLUTION
from ..runtime.overlay import WIDTHS as WIDTHS_AT_256
from .blocks import InstanceNorm, initialise, initialise_for_relu
from .classifier import Classifier
from .condition import Condition

# What one unit of tolerance adds to the logit of the widest branch and takes from the narrowest.
# Attention that was trained has logits a few units apart: 6 decides nearly alone.
TOLERANCE_STEP = 6.0


def pooling_widths(resolution: int, at_256: Sequence[int] = WIDTHS_AT_256) -> list[int]:
    """r_i for sketches of this many pixels: odd, and the same share of the picture as at 256."""
    return [2 * round((r * resolution / RESOLUTION - 1) / 2) + 1 for r in at_256]


def tolerance_bias(tolerance: Tensor) -> Tensor:
    """A user's wish (B, 1, h, w) -> what to add to the logits of Eq. 2, (B, N_r, h, w).

    -1 keeps to the strokes, 1 takes them as a hint, 0 leaves the choice to the network: each branch
    gains with the distance of its width from the mean width. Not in the paper.
    """
    widths = torch.tensor(WIDTHS_AT_256, dtype=tolerance.dtype, device=tolerance.device)
    away = (widths - widths.mean()) / (widths[-1] - widths.mean())  # from -1 to 1
    return TOLERANCE_STEP * tolerance * away[None, :, None, None]


class SpatialAttentionPooling(nn.Module):
    """Sketch (B, 1, H, W) -> features (B, N_r * branch_channels, H, W) and A (B, N_r, H, W).

    The classifier is part of the module, because the attention is a function of its features, but
    it stays as it was pre-trained.
    """

    def __init__(
        self, branch_channels: int, stride: int = 1, widths: Sequence[int] = WIDTHS_AT_256
    ) -> None:
        """`stride` of the branches' convolutions: 2 gives features and A of half the size."""
        super().__init__()
        branches = len(widths)
        self.widths = tuple(widths)  # r_i at 256 px
        self.stride = stride
        self.branch_channels = branch_channels
        self.out_channels = branches * branch_channels
        self.classifier = Classifier().requires_grad_(False)
        self.branches = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(1, branch_channels, 7, stride, padding=3, bias=False),
                InstanceNorm(),
                nn.ReLU(),
            )
            for _ in range(branches)
        )
        self.attention = nn.Sequential(
            nn.Conv2d(sum(Classifier.CHANNELS), 32, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(32, 16, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, branches, 3, padding=1),
        )
        initialise(self.branches)
        initialise_for_relu(self.attention)

    def relaxed(self, sketch: Tensor) -> Tensor:
        """R: every branch pools the strokes to its own width and looks at them.

        R = Concat[Conv_1(P_1), ..., Conv_Nr(P_Nr)], P_i = Pooling(S; r_i). Eq. 1
        """
        widths = pooling_widths(sketch.shape[-1], self.widths)
        maps = []
        for width, branch in zip(widths, self.branches, strict=True):
            pooled = F.max_pool2d(sketch, width, stride=1, padding=width // 2)
            maps.append(branch(pooled))  # (B, branch_channels, H, W)
        return torch.cat(maps, dim=1)  # (B, N_r * branch_channels, H, W)

    def attend(self, condition: Condition) -> Tensor:
        """A: how much of each branch passes, at every position; sums to one over the branches.

        A = softmax(Conv[F_1^C, Up_2(F_2^C), Up_4(F_3^C)]). Eq. 2

        The logits are brought to the sketch's resolution before the softmax, so that the sum is one
        there. A tolerance that is wished for is added to them: see `tolerance_bias`.
        """
        sketch, tolerance = condition.sketch, condition.tolerance
        f1, f2, f3 = self.classifier.features(sketch)
        size = f1.shape[-2:]
        f2 = F.interpolate(f2, size=size, mode="bilinear")
        f3 = F.interpolate(f3, size=size, mode="bilinear")
        logits = self.attention(torch.cat([f1, f2, f3], dim=1))  # (B, N_r, H/2, W/2)
        if tolerance is not None:
            bias = tolerance_bias(tolerance)
            logits = logits + F.interpolate(bias, size=logits.shape[-2:], mode="bilinear")
        if self.stride == 1:
            logits = F.interpolate(logits, size=sketch.shape[-2:], mode="bilinear")
        # Written out, because onnxruntime's Softmax over an inner axis is ten times slower.
        powers = (logits.float() - logits.float().amax(dim=1, keepdim=True)).exp()
        return powers / powers.sum(dim=1, keepdim=True)  # (B, N_r, H, W)

    def forward(self, condition: Condition) -> tuple[Tensor, Tensor]:
        """SAP(S) = A * R; a channel of A weights its branch's whole group of features. Eq. 3."""
        relaxed = self.relaxed(condition.sketch)
        attention = self.attend(condition)
        return self.weigh(relaxed, attention), attention

    def weigh(self, relaxed: Tensor, attention: Tensor) -> Tensor:
        """A * R."""
        branches = relaxed.unflatten(1, (-1, self.branch_channels))
        return (attention.to(relaxed.dtype)[:, :, None] * branches).flatten(1, 2)

    def leave_attention_uncompiled(self) -> None:
        """Before torch.compile: under bfloat16 autocast on a CPU it loses the gradient to A without
        a word (torch 2.13), and SAP would keep the attention that it was born with."""
        self.attend = torch.compiler.disable(self.attend)  # type: ignore[method-assign]
