"""Augmentation of photos for D: the same for both, differentiable, seeded (docs/paper.md, F5)."""

import pytest
import torch

from deepfacepencil.models.condition import Condition
from deepfacepencil.training.augment import Augmentation, draw_augmentation
from deepfacepencil.training.augment import augmented as augmented_condition


@pytest.fixture
def pair():
    generator = torch.Generator().manual_seed(0)
    sketch = (torch.rand(2, 1, 32, 32, generator=generator) > 0.8).float()
    return sketch, torch.rand(2, 3, 32, 32, generator=generator) * 2 - 1


def augmented(numbers, sketch, photo):
    condition, photo = augmented_condition(numbers, Condition(sketch), photo)
    return condition.sketch, photo


def augmentation(**changed):
    ones = torch.ones(2, 1, 1, 1)
    plain = Augmentation(0 * ones, ones, ones, torch.zeros(2, 2), torch.full((2, 2), 9.0))
    return plain._replace(**changed)


def test_without_changes_it_is_the_pair(pair):
    for result, given in zip(augmented(augmentation(), *pair), pair, strict=True):
        torch.testing.assert_close(result, given)


def test_sketch_and_photo_move_together_and_what_comes_in_is_nothing(pair):
    moved = augmented(augmentation(shift=torch.tensor([[0.125, 0.0], [0.0, -0.0625]])), *pair)
    for result, given in zip(moved, pair, strict=True):
        torch.testing.assert_close(result[0, :, :, :28], given[0, :, :, 4:])
        assert (result[0, :, :, 28:] == 0).all()
        torch.testing.assert_close(result[1, :, 2:], given[1, :, :30])
        assert (result[1, :, :2] == 0).all()


def test_colours_change_the_photo_only(pair):
    changed = augmentation(
        brightness=torch.full((2, 1, 1, 1), 0.25), saturation=torch.zeros(2, 1, 1, 1)
    )
    sketch, photo = augmented(changed, *pair)
    assert torch.equal(sketch, pair[0])
    expected = pair[1].mean(dim=1, keepdim=True).expand(-1, 3, -1, -1) + 0.25
    torch.testing.assert_close(photo, expected)
    flat = augmented(augmentation(contrast=torch.zeros(2, 1, 1, 1)), *pair)[1]
    torch.testing.assert_close(flat, pair[1].mean(dim=(1, 2, 3), keepdim=True).expand_as(flat))


def test_the_hole_is_half_a_side_wide(pair):
    sketch, photo = augmented(
        augmentation(hole=torch.zeros(2, 2)), torch.ones_like(pair[0]), pair[1] + 3
    )
    for result in (sketch, photo):
        assert (result[..., 8:24, 8:24] == 0).all()
        assert (result == 0).float().mean() == 0.25


def test_gradients_reach_the_photo_and_draws_differ(pair):
    torch.manual_seed(0)
    drawn = draw_augmentation(2, torch.device("cpu"))
    photo = pair[1].clone().requires_grad_()
    augmented(drawn, pair[0], photo)[1].square().sum().backward()
    assert (photo.grad.abs().sum(dim=1) > 0).float().mean() > 0.4
    assert drawn.brightness.abs().max() <= 0.5
    assert drawn.shift.abs().max() <= 0.125
    assert not torch.equal(
        augmented(drawn, *pair)[1], augmented(draw_augmentation(2, torch.device("cpu")), *pair)[1]
    )
