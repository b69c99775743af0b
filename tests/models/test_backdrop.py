"""The backdrop is softened, and what is in front of it stays as it is."""

import pytest
import torch

from deepfacepencil.models.backdrop import backdrop_of, out_of_focus, softened
from deepfacepencil.models.grading import regions_of
from deepfacepencil.sketch.labels import CLASSES


@pytest.fixture
def logits() -> torch.Tensor:
    """Somebody's hair in the middle of a backdrop."""
    logits = torch.full((1, len(CLASSES), 64, 64), -9.0)
    logits[:, CLASSES.index("background")] = 9
    logits[:, :, 16:, 20:44] = -9
    logits[:, CLASSES.index("hair"), 16:, 20:44] = 9
    return logits


@pytest.mark.parametrize("size", [32, 64])
def test_a_backdrop_is_softened_and_the_person_is_not(logits: torch.Tensor, size: int) -> None:
    backdrop = backdrop_of(logits)
    person = torch.nn.functional.adaptive_avg_pool2d(1 - backdrop, size) > 0.01
    features = torch.randn(1, 8, size, size, generator=torch.Generator().manual_seed(0))
    features = features + 5 * person  # nor does the person bleed into it
    soft = softened(features, backdrop)
    torch.testing.assert_close(soft[:, :, person[0, 0]], features[:, :, person[0, 0]])
    edge = torch.nn.functional.max_pool2d(person.float(), 9, stride=1, padding=4)[0, 0] > 0
    behind = soft[:, :, ~edge]
    assert behind.std() < 0.3 and behind.abs().max() < 1.5
    assert (behind - features[:, :, ~edge]).mean().abs() < 0.05


def test_without_a_backdrop_nothing_changes(logits: torch.Tensor) -> None:
    features = torch.randn(1, 8, 32, 32)
    torch.testing.assert_close(softened(features, 0 * backdrop_of(logits)), features)


@pytest.mark.parametrize("size", [256, 512])
def test_grain_behind_a_person_is_gone_and_the_person_is_the_same(
    logits: torch.Tensor, size: int
) -> None:
    regions, cell = regions_of(logits), size // 64
    person = (backdrop_of(logits) < 0.5).float()
    inside = torch.nn.functional.interpolate(person, size=size)[0, 0] > 0
    near = torch.nn.functional.max_pool2d(person, 3, stride=1, padding=1)
    around = torch.nn.functional.interpolate(near, size=size)[0, 0] > 0
    light = torch.linspace(-0.6, 0.6, size).expand(1, 3, size, size)
    grain = 0.1 * torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    photo = torch.where(inside, 0.9, light) + grain
    made = out_of_focus(photo, regions)
    deep = inside & (torch.nn.functional.max_pool2d(1 - person, 3, stride=1, padding=1)
                     .repeat_interleave(cell, 2).repeat_interleave(cell, 3)[0, 0] == 0)  # fmt: skip
    torch.testing.assert_close(made[..., deep], photo[..., deep], atol=1e-4, rtol=0)
    behind = (made - light)[..., ~around]
    assert behind.abs().max() < 0.2 and behind.square().mean() < 0.3 * grain.square().mean()
    assert behind.square().mean() > 0.01 * grain.square().mean()  # photos have some
    nothing = out_of_focus(photo, torch.zeros_like(regions))
    torch.testing.assert_close(nothing, photo)


def test_half_a_backdrop_is_nearly_left_alone_and_of_a_whole_one_something_is_left() -> None:
    features = torch.randn(1, 64, 32, 32, generator=torch.Generator().manual_seed(0))
    half, whole = (
        float((softened(features, torch.full((1, 1, 64, 64), share)) * features).mean())
        for share in (0.5, 1.0)
    )
    assert half > 0.7 and 0.1 < whole < 0.5


def test_a_backdrop_is_averaged_over_the_cells_around_alone() -> None:
    corner = torch.zeros(1, 1, 32, 32)
    corner[..., :4, :4] = 1
    soft = softened(corner, torch.ones(1, 1, 64, 64))
    assert (soft[..., :8, :8] > 0).all()
    assert not soft[..., 10:, :].any() and not soft[..., 10:].any()
    even = softened(torch.ones(1, 1, 32, 32), torch.ones(1, 1, 64, 64))[..., 8:-8, 8:-8]
    torch.testing.assert_close(even, torch.ones_like(even), atol=0.01, rtol=0)
