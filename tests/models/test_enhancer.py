"""The local enhancer: 512 px around a trained G_m, alone in training (section 4.1)."""

import numpy as np
import pytest
import torch

from deepfacepencil.models.condition import Condition
from deepfacepencil.models.enhancer import Enhancer, half_size
from deepfacepencil.models.generator import dual_generators
from deepfacepencil.sketch.pen import draw
from deepfacepencil.sketch.strokes import Strokes, through


def test_a_photo_of_twice_the_size_and_gradients_for_the_enhancer_alone():
    torch.manual_seed(0)
    main = dual_generators(8, 16)[1].requires_grad_(False)
    enhancer = Enhancer(8)
    begun = [parameter.std().item() for parameter in enhancer.parameters() if parameter.ndim == 4]
    assert begun == pytest.approx([0.02] * len(begun), rel=0.2)  # as all of pix2pixHD's
    sketch = Condition((torch.rand(2, 1, 64, 64) > 0.9).float())
    decoded = main.decoded(half_size(sketch))
    assert decoded.shape == (2, 8, 32, 32)
    photo = enhancer(sketch, decoded)
    assert photo.shape == (2, 3, 64, 64)
    assert photo.abs().max() <= 1
    photo.square().mean().backward()
    for name, parameter in enhancer.named_parameters():
        assert parameter.grad.abs().sum() > 0, name
    assert all(parameter.grad is None for parameter in main.parameters())


def test_it_goes_on_from_what_becomes_the_photo():
    torch.manual_seed(0)
    main = dual_generators(8, 16)[1]
    sketch = Condition((torch.rand(1, 1, 32, 32) > 0.9).float())
    torch.testing.assert_close(main.body.to_photo(main.decoded(sketch)), main(sketch).photo)


def test_half_the_size_is_what_the_pen_draws_there():
    angle = np.linspace(0, 2 * np.pi, 40)
    strokes = Strokes.of(
        through(np.stack([256 + r * np.cos(angle), 256 + 180 * np.sin(angle)], axis=1))
        for r in (60, 200)
    )
    large, small = (torch.from_numpy(draw(strokes, size))[None, None] / 255 for size in (512, 256))
    half = half_size(Condition(large)).sketch
    assert half.mean() == pytest.approx(small.mean().item(), rel=0.1)
    assert (half - small).abs().mean() < 0.35 * small.mean()
