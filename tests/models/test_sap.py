"""Spatial attention pooling: widths, attention, their product, the bias (Eq. 1 to 3)."""

from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from deepfacepencil.models.classifier import Classifier
from deepfacepencil.models.condition import Condition
from deepfacepencil.models.sap import (
    WIDTHS_AT_256,
    SpatialAttentionPooling,
    pooling_widths,
    tolerance_bias,
)


@pytest.fixture
def sap():
    torch.manual_seed(0)
    return SpatialAttentionPooling(branch_channels=3)


def sketch(size, batch=2):
    return (
        torch.rand(batch, 1, size, size, generator=torch.Generator().manual_seed(1)) > 0.9
    ) * 1.0


@pytest.mark.parametrize(
    ("resolution", "widths"),
    [(512, [1, 9, 17, 25]), (256, [1, 5, 9, 13]), (128, [1, 3, 5, 7]), (64, [1, 1, 3, 3])],
)
def test_pooling_widths_are_the_nearest_odd_numbers(resolution, widths):
    assert pooling_widths(resolution) == widths
    for width, exact in zip(widths, (1, 5, 9, 13), strict=True):
        assert width % 2 == 1
        assert abs(width - exact * resolution / 256) <= 1


@pytest.mark.parametrize("size", [64, 128])
def test_attention_sums_to_one_at_the_resolution_of_the_sketch(sap, size):
    with torch.no_grad():
        features, attention = sap(Condition(sketch(size)))
    assert features.shape == (2, 12, size, size)
    assert attention.shape == (2, 4, size, size)
    torch.testing.assert_close(attention.sum(1), torch.ones(2, size, size))


def test_attention_looks_at_all_maps_of_the_classifier(sap):
    x = sketch(64)
    f1, f2, f3 = sap.classifier.features(x)
    assert [f.shape[-1] for f in (f1, f2, f3)] == [32, 16, 8]
    before = sap.attend(Condition(x))
    for layer in range(3):
        with torch.no_grad():
            sap.classifier.convolutions[layer].bias += 1
        after = sap.attend(Condition(x))
        assert not torch.equal(before, after)
        before = after


@pytest.mark.parametrize("widths", [(1, 5, 9, 13), (1, 1, 1, 1)])
def test_a_branch_sees_strokes_of_its_width(widths):
    """Eq. 1: a single pixel has become a square as wide as the pooling when a branch gets it."""
    sap = SpatialAttentionPooling(3, widths=widths)
    dot = torch.zeros(1, 1, 256, 256)
    dot[0, 0, 100, 150] = 1
    seen = []
    for branch in sap.branches:
        branch.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    sap.relaxed(dot)
    for pooled, width in zip(seen, widths, strict=True):
        half = width // 2
        square = torch.zeros_like(dot)
        square[0, 0, 100 - half : 101 + half, 150 - half : 151 + half] = 1
        torch.testing.assert_close(pooled, square)


@pytest.mark.parametrize("chosen", range(4))
def test_attention_weights_the_whole_group_of_its_branch(sap, chosen):
    """Eq. 3, with logits set by hand: everything to one branch, nothing to the others."""
    last = sap.attention[-1]
    nn.init.zeros_(last.weight)
    with torch.no_grad():
        last.bias.copy_(F.one_hot(torch.tensor(chosen), 4) * 100.0)
        features, attention = sap(Condition(sketch(64)))
        relaxed = sap.relaxed(sketch(64))
    expected = torch.zeros_like(relaxed)
    group = slice(3 * chosen, 3 * chosen + 3)
    expected[:, group] = relaxed[:, group]
    torch.testing.assert_close(features, expected)
    torch.testing.assert_close(attention[:, chosen], torch.ones(2, 64, 64))


def test_the_classifier_has_three_convolutions_and_asks_for_no_gradient_in_sap(sap):
    assert sum(isinstance(module, nn.Conv2d) for module in sap.classifier.modules()) == 3
    assert not any(parameter.requires_grad for parameter in sap.classifier.parameters())
    assert Classifier()(sketch(64, batch=5)).shape == (5,)


def mean_width(sap, tolerance):
    """The mean pooling width that SAP chooses at every place of a sketch, (B, H, W)."""
    with torch.no_grad():
        attention = sap(Condition(sketch(64, batch=1), tolerance))[1]
    return torch.tensordot(torch.tensor(WIDTHS_AT_256).float(), attention, dims=([0], [1]))


def test_no_tolerance_is_the_choice_of_the_paper(sap):
    x = sketch(64)
    with torch.no_grad():
        papers, wished = sap(Condition(x)), sap(Condition(x, torch.zeros(1, 1, 16, 16)))
    for one, other in zip(papers, wished, strict=True):
        torch.testing.assert_close(one, other)


def test_tolerance_shifts_the_pooling_where_it_is_asked_for(sap):
    wish = torch.zeros(1, 1, 16, 16)
    usual = mean_width(sap, wish)
    wish[..., :8] = -1
    wish[..., 8:] = 1
    shifted = mean_width(sap, wish)
    left, right = slice(0, 24), slice(40, 64)  # away from the border between the two wishes
    assert (shifted[..., left] < usual[..., left]).all()
    assert (shifted[..., right] > usual[..., right]).all()
    assert shifted[..., left].mean() < 2
    assert shifted[..., right].mean() > 12


def size_of(x):
    return x.square().mean().sqrt().item()


def test_untrained_layers_without_normalisation_keep_the_size_of_what_passes(sap):
    """What has no normalisation must be born with weights that neither quench nor blow up: from
    N(0, 0.02) the attention came out the same everywhere, and no training moved it."""
    x = sketch(64, batch=8)
    maps = [x, *sap.classifier.features(x)]
    for before, after in pairwise(maps):
        assert 0.3 < size_of(after) / size_of(before) < 3
    x = torch.randn(2, sum(Classifier.CHANNELS), 32, 32).relu()
    for layer in sap.attention:
        before, x = x, layer(x)
        assert 0.3 < size_of(x) / size_of(before) < 3
    with torch.no_grad():
        attention = sap.attend(Condition(sketch(64)))
    assert attention.std(dim=(2, 3)).max() > 0.02  # it differs from place to place


def test_every_channel_of_r_is_normalised(sap):
    """So that fine strokes count as much as bold ones: half the ink gives the same R."""
    x = sketch(64)
    with torch.no_grad():
        full, half = sap.relaxed(x), sap.relaxed(x / 2)
        for branch in sap.branches:
            assert branch[0].bias is None  # the normalisation would take it away
            normal = branch[:2](x)
            torch.testing.assert_close(normal.mean((2, 3)), torch.zeros(2, 3), atol=1e-4, rtol=0)
            torch.testing.assert_close(normal.std((2, 3)), torch.ones(2, 3), atol=0.02, rtol=0)
    torch.testing.assert_close(full, half, atol=0.05, rtol=0.05)


def test_logits_are_interpolated_and_weights_are_not(sap):
    """Between two places the logarithms of A are in between, up to a term that all share."""
    with torch.no_grad():
        for layer in sap.attention:
            if isinstance(layer, nn.Conv2d):
                layer.weight *= 3  # choices as clear as those of a trained network
        logits = []
        sap.attention.register_forward_hook(lambda _, given, made: logits.append(made))
        attention = sap.attend(Condition(sketch(64)))
    ratios = attention.log()[:, 1:] - attention.log()[:, :1]
    (coarse,) = logits
    assert coarse.shape == (2, 4, 32, 32)
    expected = F.interpolate(coarse[:, 1:] - coarse[:, :1], size=(64, 64), mode="bilinear")
    torch.testing.assert_close(ratios, expected, atol=1e-3, rtol=1e-3)


def test_a_wish_adds_the_distance_of_a_width_from_the_mean_width():
    """From -6 to 6 for the whole of it, in steps as even as the widths'."""
    (bias,) = tolerance_bias(torch.tensor([[[[1.0, -0.5]]]]))
    torch.testing.assert_close(bias[:, 0, 0], torch.tensor([-6.0, -2.0, 2.0, 6.0]))
    torch.testing.assert_close(bias[:, 0, 1], torch.tensor([3.0, 1.0, -1.0, -3.0]))
