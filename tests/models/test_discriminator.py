"""The discriminator of three scales, on sketch and photo (section 3.3)."""

import pytest
import torch
from torch import nn

from deepfacepencil.models.condition import Condition
from deepfacepencil.models.discriminator import Discriminator
from deepfacepencil.models.pix2pix import PatchGAN


@pytest.fixture(scope="module")
def discriminator():
    torch.manual_seed(0)
    return Discriminator(width=4, cap=16)


def pair(batch, size):
    sketches = (torch.rand(batch, 1, size, size) > 0.9).float()
    return Condition(sketches), torch.rand(batch, 3, size, size) * 2 - 1


@pytest.mark.parametrize(("size", "logits"), [(64, [10, 6, 4]), (256, [34, 18, 10])])
def test_three_scales_return_all_their_layers(discriminator, size, logits):
    with torch.no_grad():
        outputs = discriminator(*pair(2, size))
    assert [len(scale) for scale in outputs] == [5, 5, 5]
    assert [scale[-1].shape for scale in outputs] == [(2, 1, n, n) for n in logits]
    for layers in zip(*outputs, strict=True):
        assert len({layer.shape[1] for layer in layers}) == 1


def test_a_batch_is_judged_item_by_item(discriminator):
    """Training judges real and generated photos in one batch, so items must not see each other."""
    condition, photos = pair(3, 64)
    with torch.no_grad():
        together = discriminator(condition, photos)
        for item in range(3):
            only = Condition(condition.sketch[item : item + 1])
            alone = discriminator(only, photos[item : item + 1])
            for scale, lone_scale in zip(together, alone, strict=True):
                for output, lone in zip(scale, lone_scale, strict=True):
                    torch.testing.assert_close(output[item : item + 1], lone, atol=1e-4, rtol=1e-3)


def test_each_scale_sees_the_means_around_every_second_pixel_of_the_last():
    discriminator = Discriminator(1, 1)
    discriminator.scales = nn.ModuleList(nn.Identity() for _ in range(3))
    dot = torch.zeros(1, 3, 32, 32)
    dot[..., 8, 16] = 1
    for size, scale in zip((32, 16, 8), discriminator(Condition(dot[:, :1]), dot), strict=True):
        assert scale[0, 0].nonzero().tolist() == [[size // 4, size // 2]]
    white = torch.ones(1, 3, 32, 32)
    assert all((scale == 1).all() for scale in discriminator(Condition(white[:, :1]), white))


def test_it_sees_the_sketch_beside_the_photo(discriminator):
    condition, photos = pair(1, 64)
    with torch.no_grad():
        with_sketch = discriminator(condition, photos)
        without = discriminator(Condition(0 * condition.sketch), photos)
    for a, b in zip(with_sketch, without, strict=True):
        assert not torch.equal(a[-1], b[-1])


@pytest.mark.parametrize("network", [Discriminator(4, 16).scales[0], PatchGAN(4, 16)])
def test_a_logit_judges_70_pixels_and_the_last_as_many_at_the_border_as_the_first(network):
    photos = torch.zeros(1, 3, 256, 256)
    x = torch.cat([torch.zeros(1, 1, 256, 256), photos.requires_grad_()], dim=1)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):  # what lies between, normalisation, sees everything
            x = module(x)
    seen = []
    for at in (0, 17, -1):
        (grad,) = torch.autograd.grad(x[0, 0, at, 17], photos, retain_graph=True)
        rows = grad.abs().sum(dim=(0, 1, 3)).nonzero()
        seen.append((int(rows.min()), int(rows.max())))
    first, middle, last = seen
    assert middle[1] - middle[0] + 1 == 70
    assert first[0] == 0 and last == (255 - first[1], 255)
