"""G_a and G_m: shapes, the shared body, its features (section 3.3)."""

import pytest
import torch
from torch import nn

from deepfacepencil.models.blocks import ResidualBlock, ResizeConvolution
from deepfacepencil.models.condition import Condition
from deepfacepencil.models.generator import dual_generators, to_bytes


def count(network, kind, **attributes):
    return sum(
        isinstance(module, kind)
        and all(getattr(module, name) == value for name, value in attributes.items())
        for module in network.modules()
    )


@pytest.fixture(scope="module")
def generators():
    torch.manual_seed(0)
    return dual_generators(width=4, cap=8)


@pytest.mark.parametrize("size", [(64, 64), (128, 128), (256, 256), (64, 96)])
def test_shapes(generators, size):
    height, width = size
    auxiliary, main = generators
    sketch = Condition((torch.rand(1, 1, *size) > 0.9).float())
    with torch.no_grad():
        for result in (auxiliary(sketch), main(sketch)):
            assert result.photo.shape == (1, 3, *size)
            assert result.photo.abs().max() <= 1
            assert [f.shape for f in result.features] == [(1, 8, height // 16, width // 16)] * 4
        assert auxiliary(sketch).attention is None
        assert main(sketch).attention.shape == (1, 4, *size)


def test_one_body_is_shared_and_the_encoders_are_not(generators):
    auxiliary, main = generators
    assert auxiliary.body is main.body
    body = {id(p) for p in auxiliary.body.parameters()}
    assert {id(p) for p in auxiliary.parameters()} & {id(p) for p in main.parameters()} == body


def test_the_matched_features_are_those_of_the_first_four_residual_blocks(generators):
    auxiliary, _ = generators
    sketch = Condition((torch.rand(1, 1, 64, 64) > 0.9).float())
    with torch.no_grad():
        x = auxiliary.encoder(sketch.sketch)
        for block, feature in zip(
            auxiliary.body.residual, auxiliary(sketch).features, strict=False
        ):
            x = block(x)
            torch.testing.assert_close(feature, x)
        for feature, alone in zip(
            auxiliary(sketch).features, auxiliary.features(sketch), strict=True
        ):
            torch.testing.assert_close(feature, alone)


def test_the_papers_layers():
    """Section 4.1 at width 64: four 2x down, nine residual blocks, four 2x up."""
    with torch.device("meta"):
        auxiliary, main = dual_generators(width=64, cap=1024)
    for generator in (auxiliary, main):
        assert count(generator.encoder, nn.Conv2d, stride=(2, 2)) == 4
        assert count(generator.body, ResidualBlock) == 9
        assert count(generator.body, ResizeConvolution) == 4
    assert [block[0].out_channels for block in main.encoder] == [128, 256, 512, 1024]
    assert [block[0].weight.shape[1] for block in main.body.decoder] == [512, 256, 128, 64]
    assert {block.branch[0].out_channels for block in main.body.residual} == {1024}
    assert main.sap.out_channels == 64


def test_a_cap_limits_every_layer():
    with torch.device("meta"):
        generators = nn.ModuleList(dual_generators(width=32, cap=256))
    assert max(max(p.shape[:2]) for p in generators.parameters() if p.ndim == 4) == 256


def test_photos_are_the_bytes_they_were_made_of():
    values = torch.arange(256, dtype=torch.uint8).repeat(3, 2, 1)  # (3, 2, 256)
    photo = values.float() / 127.5 - 1
    assert (to_bytes(photo[None])[0] == values.movedim(0, -1).numpy()).all()
    assert to_bytes(1.1 * photo)[0, [0, -1]].tolist() == [[0] * 3, [255] * 3]
