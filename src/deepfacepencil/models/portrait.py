"""G_a and G_m on a body that knows faces: a sketch steers MobileStyleGAN (section 3.3; ours).

As in the paper, each generator has an encoder of its own and both share the body; SAP stands in
front of G_m's. The encoder gives what the drawing says of the latent, as a normal distribution from
which a code draws, and corrects the body's features at 16 and 32 px so that they follow the lines.
"""

from itertools import pairwise
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..runtime.appearance import COLOURS, CONDITION_SIZE
from .blocks import InstanceNorm, initialise_for_relu
from .condition import Condition
from .mobile_stylegan import (
    CHANNELS,
    LATENT,
    SIZES,
    Level,
    Mapping,
    Synthesis,
    slots,
)
from .portrait_heads import LabelHead, PhotoHead, QuickHead
from .sap import WIDTHS_AT_256, SpatialAttentionPooling
from .worn import Worn

SKETCH_SIZE = 128  # pixels of the sketch
WIDTHS = (48, 96, 192, 320)  # channels at 64, 32, 16 and 8 px
CORRECTED = (16, 32)  # sizes of the body's features that a drawing corrects
HEAD = 256  # pixels of the features that a head of ours makes a photo of twice the size of
_CONDITION = 128
# Where the appearance's values stand in what a network sees of it, and whether each is said.
_LAST = 4 * len(COLOURS)
VALUES = [4 * row + n for row in range(len(COLOURS)) for n in range(3)] + [_LAST, _LAST + 2]
SAID = [4 * row + 3 for row in range(len(COLOURS)) for _ in range(3)] + [_LAST + 1, _LAST + 3]
_LOG_SCALES = (-4.0, 0.5)  # of the code
_BOUND = 3.0  # of the mean, in standard deviations of faces: beyond, the body knows none
_FARTHEST = 4.0  # of what is drawn, in every direction
_LONGEST = 27.0  # of what is drawn; faces are about 512 ** 0.5 from their mean
_SHIFT = 4.0  # of the body's features; they spread by 0.05 to 3
# What probes see of a latent that a drawing tells.
TOLD = ("glasses", "hat", "beard", "curls", "hair", "age", "male")
# A mean is cautious: what it says is brought away from what is between by these factors, as far as
# these bounds. What a drawing says is worn is worn, and what it hardly says is not: half a beard is
# a shadow, half a hat is hair that was torn. Of validation faces with glasses, hats 20 of 20, 5 of
# 7 say more than this, of those without 10 %, 7 %.
_BETWEEN = (0.5, 0.95, 0.5, 0.3, 0.0, 0.0, 0.0)
_MORE = (1.5, 1.5, 1.5, 1.5, 0.0, 1.4, 0.5)
_AT_LEAST, _AT_MOST = (-0.6, -0.6, -0.6, -0.6, 0.0, 0.0, -0.6), 1.2  # smooth skin is no child's
# How far a code may still move it, in units of its spread, squared.
_FREE = (0.05, 0.05, 0.05, 0.05, 0.1, 0.1, 0.2)
# Of what the linear view of an appearance misses, how much is left: asked for is asked for. Colours
# are graded besides, which hair needs, since people dye it; skin is whose it is.
_STRICT = {"skin": 0.3, "age": 0.1, "sex": 0.1}
_FARTHEST_MOVE = 2.0  # of the body's features, in their own cells
# A regression is cautious: what it learnt to correct is half of what is missing. On validation
# faces landmarks are 0.0376 at 1, 0.0356 at 1.5 and 0.0360 at 1.75, where photos begin to suffer.
_STRENGTH = 1.5
# Outside the face it paints hair that looks like a cap where hair is long; the latent's own is
# better. Short hair comes out longer than it was drawn, or with holes, without it. So this much of
# scales and shifts is left there, less by the second number for each unit of `TOLD` hair, within
# bounds; where the face is (x, y), how far it reaches, how softly it ends, in photos.
_OUTSIDE, _BY_HAIR, _OUTSIDE_BOUNDS = 0.5, 0.4, (0.3, 1.0)
_FACE, _FACE_RADIUS, _FACE_EDGE = (0.5, 0.6), 0.32, 0.08
_STRICTER = 0.25  # as much more where a user wants the strokes to be kept to


class Steered(NamedTuple):
    """What an encoder says of a drawing."""

    mean: Tensor  # (B, 512) of the latent, in the units of `LatentSpace`
    log_scale: Tensor  # (B, 512) of its spread along LatentSpace.axes
    levels: list[Tensor]  # the encoder's features, (B, C, s, s) for s = 8, 16, 32
    face: Tensor  # (B,) logit: whether a face was drawn
    attention: Tensor | None  # A of Eq. 2, (B, N_r, 64, 64); None without SAP
    strength: Tensor | float | None = None  # of the corrections; as a map (B, 1, h, w)
    worn: Tensor | None = None  # (B, 2, 32, 32) logits: where it draws a beard, and glasses


class LatentSpace(nn.Module):
    """w <-> v (B, 512): what comes before the mapping's last leaky ReLU, whitened.

    There faces are close to normally distributed, with unit variance along every principal
    component, so a distance means the same everywhere and the unlikely can be cut off. `axes`
    (512, 512), rows, are those along which what a drawing leaves open is independent.
    """

    mean: Tensor
    whiten: Tensor
    colour: Tensor
    axes: Tensor
    seen: Tensor  # (17, 512): what a face shows of each item of the appearance, linear in v
    usual: Tensor  # (17,) what it shows at v = 0
    noise: Tensor  # (17,) the variance of what v does not tell
    told: Tensor  # (K, 512): what a drawing tells of a face, linear in v, by TOLD

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(LATENT))
        self.register_buffer("whiten", torch.eye(LATENT))
        self.register_buffer("colour", torch.eye(LATENT))
        self.register_buffer("axes", torch.eye(LATENT))
        self.register_buffer("seen", torch.zeros(len(VALUES), LATENT))
        self.register_buffer("usual", torch.zeros(len(VALUES)))
        self.register_buffer("noise", torch.ones(len(VALUES)))
        self.register_buffer("told", torch.zeros(len(TOLD), LATENT), persistent=False)

    def fit(self, w: Tensor) -> None:
        """Take mean and covariance from many w (N, 512)."""
        x = _before_relu(w).double()
        self.mean.copy_(x.mean(0))
        variances, directions = torch.linalg.eigh(torch.cov(x.T))
        roots = variances.clamp_min(1e-6 * variances.max()).sqrt()
        self.whiten.copy_(directions / roots)
        self.colour.copy_((directions * roots).T)

    def fit_axes(self, covariance: Tensor) -> Tensor:
        """Take the axes from the covariance (512, 512) of what predictions of v miss.

        Returns the variances along them, (512,).
        """
        variances, directions = torch.linalg.eigh(covariance.double())
        self.axes.copy_(directions.T)
        return variances.float()

    def to_v(self, w: Tensor) -> Tensor:
        return (_before_relu(w) - self.mean) @ self.whiten

    def to_w(self, v: Tensor) -> Tensor:
        return F.leaky_relu(v @ self.colour + self.mean, 0.2) * 2**0.5

    def draw(self, mean: Tensor, log_scale: Tensor, code: Tensor) -> Tensor:
        """v that fits a drawing: `code` (B, 512), normal, chooses among those that do."""
        return self.within(mean + (code * log_scale.exp()) @ self.axes)

    def within(self, v: Tensor) -> Tensor:
        """v, brought back to where the body knows faces."""
        v = v.clamp(-_FARTHEST, _FARTHEST)
        length = v.square().sum(dim=1, keepdim=True).sqrt()
        return v * (_LONGEST / length.clamp_min(_LONGEST))

    def somebody(self, mean: Tensor, log_scale: Tensor, code: Tensor, appearance: Tensor) -> Tensor:
        """w (B, 512) of somebody who fits a drawing and what is said of the appearance."""
        v = self.as_told(self.draw(mean, log_scale, code), mean, log_scale)
        return self.to_w(self.within(self.asked(v, log_scale, appearance)))

    def asked(self, v: Tensor, log_scale: Tensor, appearance: Tensor) -> Tensor:
        """v moved, as little as its spread allows, until it shows what appearance is said."""
        values, said = appearance[:, VALUES], appearance[:, SAID]  # (B, 17)
        missing = said * (values - v @ self.seen.T - self.usual)
        items = [name for name in COLOURS for _ in range(3)] + ["age", "sex"]  # of VALUES
        noise = self.noise * torch.tensor([_STRICT.get(item, 1.0) for item in items])
        return self._conditioned(v, log_scale, self.seen, missing, noise, said)

    def as_told(self, v: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
        """v moved in the same way until it shows what the drawing tells, not what the code does.

        A code draws what a drawing leaves open. But glasses, hats and beards are drawn or they are
        not, and nobody who draws an old woman means a boy.
        """
        told = mean @ self.told.T
        more = torch.tensor(_MORE) * (told - torch.tensor(_BETWEEN))
        missing = (
            told + more.clamp(torch.tensor(_AT_LEAST), torch.tensor(_AT_MOST)) - v @ self.told.T
        )
        return self._conditioned(
            v, log_scale, self.told, missing, torch.tensor(_FREE), torch.ones_like(missing)
        )

    def _conditioned(
        self,
        v: Tensor,
        log_scale: Tensor,
        rows: Tensor,
        missing: Tensor,
        noise: Tensor,
        said: Tensor,
    ) -> Tensor:
        """A draw v of a normal distribution, conditioned on linear observations (Matheron's rule).

        With S the spread, B the `rows` (K, 512) and m what is `missing` of the observations (B, K),
        v + S B^T (B S B^T + noise)^-1 m; those that are not `said` do not count.
        """
        along = rows @ self.axes.T  # (K, 512)
        spread = along[None] * (2 * log_scale).exp()[:, None]  # B S, (B, K, 512)
        both = said[:, :, None] * said[:, None]
        system = both * (spread @ along.T) + torch.diag(noise)
        weights = (_inverse(system) @ missing[:, :, None]) * said[:, :, None]
        return v + ((spread.transpose(1, 2) @ weights)[:, :, 0]) @ self.axes


def _inverse(matrices: Tensor, steps: int = 24) -> Tensor:
    """Of small positive definite matrices, by Newton's iteration: ONNX has no inverse."""
    size = matrices.abs().sum(dim=-1).amax(dim=-1)[:, None, None]
    inverse = matrices / size.square()
    twice = 2 * torch.eye(matrices.shape[-1])
    for _ in range(steps):
        inverse = inverse @ (twice - matrices @ inverse)
    return inverse


def _before_relu(w: Tensor) -> Tensor:
    return F.leaky_relu(w * 2**-0.5, 5.0)


class ConditionedBlock(nn.Module):
    """A residual block whose normalised features are scaled and shifted by the appearance."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm = InstanceNorm()
        self.style = nn.Linear(_CONDITION, 2 * channels)
        nn.init.zeros_(self.style.weight)
        nn.init.zeros_(self.style.bias)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        scale, shift = self.style(condition)[:, :, None, None].chunk(2, dim=1)
        y = self.norm(self.first(x)) * (1 + scale) + shift
        return x + self.norm(self.second(F.relu(y)))


class Down(nn.Module):
    """Half the size: a 3 x 3 convolution with stride 2, normalised, and residual blocks."""

    def __init__(self, in_channels: int, channels: int, blocks: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(in_channels, channels, 3, stride=2, padding=1)
        self.norm = InstanceNorm()
        self.blocks = nn.ModuleList(ConditionedBlock(channels) for _ in range(blocks))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        x = F.relu(self.norm(self.convolution(x)))
        for block in self.blocks:
            x = block(x, condition)
        return x


class Up(nn.Module):
    """Twice the size, joined with the features of that size on the way down."""

    def __init__(self, in_channels: int, skipped: int, channels: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(in_channels + skipped, channels, 3, padding=1)
        self.block = ConditionedBlock(channels)

    def forward(self, x: Tensor, skip: Tensor, condition: Tensor) -> Tensor:
        x = torch.cat([F.interpolate(x, scale_factor=2, mode="nearest"), skip], dim=1)
        return self.block(F.relu(self.convolution(x)), condition)


class Correction(nn.Module):
    """Moves the body's features to where the lines are; then scales and shifts what is missing.

    What is moved stays what the body knows: hair stays hair. Only what the latent has not got,
    glasses for one, must be made of a scale and a shift.
    """

    def __init__(self, drawn: int, width: int) -> None:
        super().__init__()
        self.look = nn.Conv2d(CHANNELS[0], drawn, 1)
        self.first = nn.Conv2d(2 * drawn, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.flow = nn.Conv2d(width, 2, 3, padding=1)
        self.last = nn.Conv2d(width, 2 * CHANNELS[0], 1)
        initialise_for_relu(self)
        nn.init.zeros_(self.flow.weight)
        nn.init.zeros_(self.last.weight)

    def forward(
        self,
        features: Tensor,
        drawn: Tensor,
        strength: Tensor | float | None = None,
        outside: Tensor | float = _OUTSIDE,
    ) -> Tensor:
        """(B, 512, s, s), (B, drawn, s, s) and (B, 1, h, w) -> (B, 512, s, s).

        At a `strength` of 0 the features stay as they are; with None they are corrected as was
        learnt, with any other scales and shifts are kept to the face, but for what is left
        `outside` of it, (B, 1, 1, 1).
        """
        x = torch.cat([self.look(features), drawn], dim=1)
        x = F.relu(self.first(x))
        x = x + F.relu(self.second(x))
        flow, last = self.flow(x), self.last(x)
        if strength is not None:
            if isinstance(strength, Tensor):
                strength = F.adaptive_avg_pool2d(strength, features.shape[-1])
            flow, last = (
                flow * strength,
                last * (strength * within_face(features.shape[-1], outside)),
            )
        scale, shift = last.chunk(2, dim=1)
        moved = moved_by(features, flow)
        return moved * (1 + torch.tanh(scale)) + _SHIFT * torch.tanh(shift / _SHIFT)


def within_face(size: int, outside: Tensor | float) -> Tensor:
    """1 where the face of a photo is, `outside` (B, 1, 1, 1) elsewhere, (B, 1, size, size)."""
    x, y = (((torch.arange(size) + 0.5) / size - centre) / _FACE_RADIUS for centre in _FACE)
    inside = torch.sigmoid((1 - (x.square() + y.square()[:, None]).sqrt()) / _FACE_EDGE)
    return outside + (1 - outside) * inside[None, None]


def moved_by(features: Tensor, flow: Tensor) -> Tensor:
    """Features (B, C, s, s) taken from where `flow` (B, 2, s, s) points: x and y, in cells.

    Bilinear, like grid_sample; but whole cells are gathered, which onnxruntime does in a ninth of
    the time.
    """
    count, channels, size, _ = features.shape
    flow = _FARTHEST_MOVE * torch.tanh(flow.float() / _FARTHEST_MOVE)
    cells = torch.arange(size)
    x, y = (flow[:, 0] + cells).clamp(0, size - 1), (flow[:, 1] + cells[:, None]).clamp(0, size - 1)
    left, top = x.floor().clamp(max=size - 2), y.floor().clamp(max=size - 2)
    right, below = (x - left).flatten()[:, None], (y - top).flatten()[:, None]
    faces = size * size * torch.arange(count)[:, None, None]
    first = (faces + size * top + left).long().flatten()
    rows = features.float().permute(0, 2, 3, 1).reshape(-1, channels)

    def between(cell: Tensor) -> Tensor:
        here, beside = rows.index_select(0, cell), rows.index_select(0, cell + 1)
        return here * (1 - right) + beside * right

    taken = between(first) * (1 - below) + between(first + size) * below
    return taken.reshape(count, size, size, channels).permute(0, 3, 1, 2).to(features.dtype)


class PlainStem(nn.Sequential):
    """G_a's first layer: clean sketches are taken as they are."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(1, WIDTHS[0], 7, stride=2, padding=3, bias=False), InstanceNorm(), nn.ReLU()
        )


class PortraitEncoder(nn.Module):
    """A sketch of 128 px and an appearance -> what the drawing says, and corrections.

    `relaxing` puts SAP in front, as G_m has it.
    """

    def __init__(self, relaxing: bool) -> None:
        super().__init__()
        self.stem = (
            SpatialAttentionPooling(WIDTHS[0] // len(WIDTHS_AT_256), stride=2)
            if relaxing
            else PlainStem()
        )
        self.appearance = nn.Sequential(
            nn.Linear(CONDITION_SIZE, _CONDITION), nn.SiLU(), nn.Linear(_CONDITION, _CONDITION)
        )
        self.down = nn.ModuleList(Down(*pair, blocks=1) for pair in pairwise(WIDTHS))
        self.gather = nn.Conv2d(WIDTHS[3], 48, 1)
        self.hidden = nn.Linear(48 * 8 * 8 + _CONDITION, 512)
        self.mean = nn.Linear(512, LATENT)
        self.log_scale = nn.Linear(512, LATENT)
        self.face = nn.Linear(512, 1)
        self.up = nn.ModuleList([Up(WIDTHS[3], WIDTHS[2], 128), Up(128, WIDTHS[1], 96)])
        self.corrections = nn.ModuleList([Correction(128, 128), Correction(96, 128)])
        self.worn = nn.Sequential(nn.Conv2d(96, 48, 3, padding=1), nn.ReLU(), nn.Conv2d(48, 2, 1))
        nn.init.zeros_(self.log_scale.weight)
        nn.init.zeros_(self.log_scale.bias)

    def forward(self, asked: Condition) -> Steered:
        assert asked.appearance is not None
        condition = self.appearance(asked.appearance)
        attention = None
        if isinstance(self.stem, SpatialAttentionPooling):
            x, attention = self.stem(asked)
        else:
            x = self.stem(asked.sketch)  # (B, 48, 64, 64)
        passed = []
        for down in self.down:
            x = down(x, condition)
            passed.append(x)  # 32, 16, 8 px
        flat = torch.cat([F.relu(self.gather(x)).flatten(1), condition], dim=1)
        hidden = F.relu(self.hidden(flat))
        at16 = self.up[0](x, passed[1], condition)
        at32 = self.up[1](at16, passed[0], condition)
        return Steered(
            _BOUND * torch.tanh(self.mean(hidden) / _BOUND),
            self.log_scale(hidden).clamp(*_LOG_SCALES),
            [x, at16, at32],
            self.face(hidden)[:, 0],
            attention,
            strength_of(asked.tolerance),
            self.worn(at32),
        )


def strength_of(tolerance: Tensor | None) -> Tensor | float:
    """How strongly features are corrected, from what is asked for: not at all at a tolerance of 1.

    (B, 1, h, w) of -1 to 1 -> the same shape.
    """
    if tolerance is None:
        return _STRENGTH
    tolerance = tolerance.clamp(-1, 1)
    return _STRENGTH * (1 - F.relu(tolerance) + _STRICTER * F.relu(-tolerance))


class PortraitBody(nn.Module):
    """The shared part: MobileStyleGAN, its space of latents and its heads."""

    def __init__(self) -> None:
        super().__init__()
        self.mapping, self.synthesis, self.space = Mapping(), Synthesis(), LatentSpace()
        self.head = PhotoHead(CHANNELS[SIZES.index(HEAD)])
        self.quick, self.labels = QuickHead(), LabelHead()

    def features(self, w: Tensor) -> Tensor:
        """The uncorrected features (B, 512, 32, 32) of w (B, 512)."""
        return self.synthesis.features(slots(w), 32)[-1]

    def corrected(self, w: Tensor, steered: Steered, corrections: nn.ModuleList) -> Tensor:
        """The features (B, 512, 32, 32) of w (B, 512), made to follow a drawing."""
        return self.corrected_last(self.begun(w, steered, corrections), steered, corrections)

    def begun(self, w: Tensor, steered: Steered, corrections: nn.ModuleList) -> Tensor:
        """The same before the last correction."""
        styles, outside = slots(w), self._outside(steered)
        x = self.synthesis.begin(styles)
        for level, size in enumerate(SIZES[: SIZES.index(CORRECTED[-1]) + 1]):
            x = self.synthesis.level(x, styles, level)
            if size in CORRECTED[:-1]:
                at = CORRECTED.index(size)
                x = corrections[at](x, steered.levels[1 + at], steered.strength, outside)
        return x

    def corrected_last(self, begun: Tensor, steered: Steered, corrections: nn.ModuleList) -> Tensor:
        """What `begun` gives, corrected at 32 px too."""
        outside = self._outside(steered)
        return cast(Tensor, corrections[-1](begun, steered.levels[-1], steered.strength, outside))

    def _outside(self, steered: Steered) -> Tensor:
        """How much of scales and shifts is left outside the face, (B, 1, 1, 1)."""
        hair = steered.mean @ self.space.told[TOLD.index("hair")]
        return (_OUTSIDE - _BY_HAIR * hair).clamp(*_OUTSIDE_BOUNDS)[:, None, None, None]

    def dressed(
        self, features: Tensor, begun: Tensor, logits: Tensor, steered: Steered, worn: Worn
    ) -> Tensor:
        """The features (B, 512, 32, 32), with the beard and the glasses that were drawn.

        `logits` (B, 19, 64, 64) are their labels, and `begun` what they were before the last
        correction, which has learnt to please what tells a beard. Where a user leaves strokes
        free, beard and glasses are left out as corrections are.
        """
        assert steered.worn is not None
        drawn = torch.sigmoid(steered.worn)
        if isinstance(steered.strength, Tensor):
            kept = (steered.strength / _STRENGTH).clamp(max=1)
            drawn = drawn * F.adaptive_avg_pool2d(kept, drawn.shape[-1])
        beard = worn.beards.missing(begun, logits, drawn[:, 0])
        return features + beard + worn.glasses.missing(begun, drawn[:, 1])

    def raised(self, features: Tensor, styles: Tensor, have: int, to: int) -> Tensor:
        """Features of `to` px of those of `have` px, by the styles (B, 23, 512)."""
        for level in range(SIZES.index(have) + 1, SIZES.index(to) + 1):
            features = self.synthesis.level(features, styles, level)
        return features

    def noise_at_128(self) -> Tensor:
        """The body's pictures of noise at 128 and 256 px, (1, 10, 128, 128)."""
        small, large = (cast(Level, self.synthesis.levels[SIZES.index(n)]) for n in (128, 256))
        fine = (F.pixel_unshuffle(layer.noise, 2) for layer in (large.first, large.second))
        return torch.cat([small.first.noise, small.second.noise, *fine], dim=1)

    def quick_photo(self, features: Tensor, w: Tensor) -> Tensor:
        """Features (B, 512, 64, 64) -> what `photo` makes of them at 256 px, nearly."""
        return self.quick(features, self.noise_at_128(), w)

    def photo(self, features: Tensor, w: Tensor, size: int = 256, have: int = 32) -> Tensor:
        """The photo (B, 3, size, size) of features of `have` px; `size` is 256, 512 or 1024."""
        styles = slots(w)
        x = self.raised(features, styles, have, max(size // 2, HEAD))
        if size == 4 * HEAD:
            return self.synthesis.photo(x, styles)
        # A head on the 128-px features left a grid of two pixels: KID 49 where this has 10.
        return self.head(x, w) if size == 2 * HEAD else self.head.halved(x, w)
