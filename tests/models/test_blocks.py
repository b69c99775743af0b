"""Blocks of the generators: normalisation, doubling, initialisation (section 4.1)."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from deepfacepencil.models.blocks import (
    InstanceNorm,
    ResidualBlock,
    ResizeConvolution,
    down,
    initialise,
    initialise_for_relu,
    up,
)


@pytest.mark.parametrize("size", [(3, 5, 8, 8), (2, 4, 1, 1), (1, 1, 7, 3)])
def test_instance_norm_is_torchs(size):
    x = torch.randn(size, generator=torch.Generator().manual_seed(0)) * 5 + 3
    reference = nn.InstanceNorm2d(size[1]).train(size[2] * size[3] > 1)
    torch.testing.assert_close(
        InstanceNorm()(x), reference(x) if size[2] > 1 else torch.zeros(size)
    )


def test_instance_norm_keeps_the_layout_and_type():
    x = torch.randn(2, 4, 6, 6).to(torch.bfloat16).contiguous(memory_format=torch.channels_last)
    y = InstanceNorm()(x)
    assert y.dtype == torch.bfloat16
    assert y.is_contiguous(memory_format=torch.channels_last)


def test_resize_convolution_is_nearest_resize_and_convolution():
    block = ResizeConvolution(3, 2)
    initialise(block)
    x = torch.randn(1, 3, 5, 7)
    # A transposed convolution applies its kernel turned by 180 degrees.
    kernel = block.weight.flip(2, 3).transpose(0, 1)
    expected = F.conv2d(F.interpolate(x, scale_factor=2, mode="nearest"), kernel, padding=1)
    torch.testing.assert_close(block(x), expected)


def test_what_blocks_do_to_sizes():
    x = torch.randn(2, 6, 8, 12)
    assert down(6, 9)(x).shape == (2, 9, 4, 6)
    assert up(6, 3)(x).shape == (2, 3, 16, 24)
    assert ResidualBlock(6)(x).shape == x.shape
    # What normalisation takes away at once is not there to be trained.
    assert not any(name.endswith("bias") for b in (down(6, 9), up(6, 3), ResidualBlock(6))
                   for name, _ in b.named_parameters())  # fmt: skip


@pytest.mark.parametrize(("begin", "deviation"), [(initialise, 0.02), (initialise_for_relu, 0.25)])
def test_weights_begin_as_large_as_they_should_and_biases_at_zero(begin, deviation):
    """N(0, 0.02) as in pix2pix; before ReLUs sqrt(2 / 32), by how much comes in."""
    network = nn.Sequential(nn.Conv2d(32, 64, 1), ResizeConvolution(32, 32))
    nn.init.ones_(network[0].bias)
    nn.init.ones_(network[1].weight)
    begin(network)
    assert (network[0].bias == 0).all()
    assert network[0].weight.std().item() == pytest.approx(deviation, rel=0.1)
    if begin is initialise:
        assert network[1].weight.std().item() == pytest.approx(deviation, rel=0.1)


def test_a_residual_block_starts_from_its_input():
    block = ResidualBlock(4)
    nn.init.zeros_(block.branch[3].weight)
    x = torch.randn(1, 4, 5, 5)
    torch.testing.assert_close(block(x), x)
