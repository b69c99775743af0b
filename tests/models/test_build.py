"""pix2pix, the baselines and the two halves of ours (section 4)."""

from typing import get_args

import pytest
import torch
from torch import nn

from deepfacepencil.models.build import Model, discriminator, generators
from deepfacepencil.models.condition import Condition
from deepfacepencil.models.generator import GlobalGenerator, MainGenerator
from deepfacepencil.models.pix2pix import PatchGAN, UNet


def drawing(batch, size):
    return Condition((torch.rand(batch, 1, size, size) > 0.9).float())


@pytest.mark.parametrize("model", get_args(Model))
def test_every_model_makes_photos(model):
    auxiliary, main = generators(model, width=4, cap=8, depth=5)
    sketch = drawing(2, 64)
    with torch.no_grad():
        for generator in (auxiliary, main):
            assert generator(sketch).photo.shape == (2, 3, 64, 64)
            assert generator(sketch).photo.abs().max() <= 1
        assert (main(sketch).attention is not None) == (model in ("ours", "sap-only"))
    assert (auxiliary is main) == (model not in ("ours", "dual-only"))


def test_the_ablations_are_parts_of_ours():
    def shapes(network):
        return {name: value.shape for name, value in network.state_dict().items()}

    with torch.device("meta"):
        of = {model: generators(model, 8, 16, 5) for model in ("ours", "sap-only", "dual-only")}
        baseline, _ = generators("baseline", 8, 16, 5)
    assert shapes(of["sap-only"][1]) == shapes(of["ours"][1])
    assert shapes(baseline) == shapes(of["ours"][0])
    auxiliary, main = of["dual-only"]
    assert isinstance(main, GlobalGenerator)
    assert not any(isinstance(module, MainGenerator) for module in main.modules())
    assert main.body is auxiliary.body
    assert main.encoder is not auxiliary.encoder
    assert shapes(main) == shapes(auxiliary)


def test_the_dual_generators_without_sap_begin_differently():
    auxiliary, main = generators("dual-only", 4, 8, 5)
    assert not torch.equal(auxiliary.encoder[0][0].weight, main.encoder[0][0].weight)


def test_the_layers_of_pix2pix():
    """C64-C128-C256-C512 x 5, CD512 x 3-C512-C256-C128-C64 and a D of 70 x 70, at 256 px."""
    with torch.device("meta"):
        network, judge = UNet(width=64, depth=8), PatchGAN(width=64, cap=512)
    down = [m for m in network.down.modules() if isinstance(m, nn.Conv2d)]
    up = [m for m in network.up.modules() if isinstance(m, nn.ConvTranspose2d)]
    assert [c.out_channels for c in down] == [64, 128, 256, 512, 512, 512, 512, 512]
    assert [c.out_channels for c in up] == [512, 512, 512, 512, 256, 128, 64]
    assert [c.in_channels for c in up] == [512, 1024, 1024, 1024, 1024, 512, 256]
    dropout = [any(isinstance(m, nn.Dropout) for m in layer) for layer in network.up]
    assert dropout == [True] * 3 + [False] * 4
    assert [any(isinstance(m, nn.BatchNorm2d) for m in layer) for layer in network.down] == [
        False, *[True] * 6, False,
    ]  # fmt: skip
    convolutions = [m for m in judge.modules() if isinstance(m, nn.Conv2d)]
    assert [c.out_channels for c in convolutions] == [64, 128, 256, 512, 1]


def test_pix2pix_begins_as_its_paper_says():
    """Convolutions from N(0, 0.02), the factors of batch norm from N(1, 0.02)."""
    torch.manual_seed(0)
    for network in (UNet(16, 5), PatchGAN(16, 64)):
        for module in network.modules():
            if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
                assert module.weight.std().item() == pytest.approx(0.02, rel=0.15)
                assert module.bias is None or not module.bias.any()
            elif isinstance(module, nn.BatchNorm2d):
                assert module.weight.mean().item() == pytest.approx(1, abs=0.02)
                assert module.weight.std().item() == pytest.approx(0.02, rel=0.5)


@pytest.mark.parametrize(("depth", "size"), [(5, 32), (5, 64), (7, 128), (8, 256)])
def test_the_u_net_sees_one_point_at_its_smallest_size(depth, size):
    network = UNet(4, depth)
    generated = network(drawing(2, size))
    side = size // 2**depth
    assert generated.encoded.shape == (2, 32, side, side)
    assert generated.photo.shape == (2, 3, size, size)
    assert generated.features == []


def test_strokes_reach_the_photo_past_the_innermost_layers():
    network = UNet(4, 5).eval()
    for layer in network.up[:3]:
        layer.register_forward_hook(lambda _, given, made: torch.zeros_like(made))
    with torch.no_grad():
        assert not torch.equal(network(drawing(1, 32)).photo, network(drawing(1, 32)).photo)


def test_a_drawn_photo_of_pix2pix_depends_on_its_sketch_alone():
    network, sketches = UNet(4, 5), drawing(3, 32)
    with torch.no_grad():
        assert not torch.equal(network(sketches).photo, network(sketches).photo)  # dropout
        network.eval()
        together = network(sketches).photo
        for sketch, photo in zip(sketches.sketch, together, strict=True):
            torch.testing.assert_close(network(Condition(sketch[None])).photo[0], photo)


def test_a_logit_of_pix2pix_judges_70_pixels():
    judge = discriminator("pix2pix", 4, 16)
    x = torch.zeros(1, 4, 256, 256, requires_grad=True)
    y = x
    for convolution in (m for m in judge.modules() if isinstance(m, nn.Conv2d)):
        y = convolution(y)
    y[0, 0, 15, 15].backward()
    rows = x.grad.abs().sum(dim=(0, 1, 3)).nonzero()
    assert rows.max() - rows.min() + 1 == 70


def test_pix2pix_judges_on_one_scale_and_with_the_sketch():
    judge, photos = discriminator("pix2pix", 4, 16), torch.rand(2, 3, 32, 32) * 2 - 1
    ((logits,),) = judge(drawing(2, 32), photos)
    assert logits.shape == (2, 1, 2, 2)
    ((others,),) = judge(drawing(2, 32), photos)
    assert not torch.equal(logits, others)
    assert not list(judge.buffers())
