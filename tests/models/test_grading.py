"""Colours that were asked for are shown, and nothing else changes."""

import numpy as np
import pytest
import torch

from deepfacepencil.models.grading import CELLS, graded, regions_of
from deepfacepencil.runtime.appearance import COLOURS, Appearance
from deepfacepencil.sketch.labels import CLASSES

UPPER, LOWER = slice(None, CELLS // 2), slice(CELLS // 2, None)


def asking(**colours: tuple[int, int, int]) -> torch.Tensor:
    return torch.from_numpy(Appearance(**colours).condition())[None]  # type: ignore[arg-type]


def one_region(name: str) -> torch.Tensor:
    """The upper half of a photo is of this region."""
    regions = torch.zeros(1, len(COLOURS) + 1, CELLS, CELLS)
    regions[:, COLOURS.index(name), UPPER] = 1
    return regions


@pytest.fixture
def photo() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).uniform(-0.6, 0.4, (1, 3, 256, 256))).float()


def test_what_is_not_said_stays_as_it_is(photo: torch.Tensor) -> None:
    regions = one_region("hair")
    torch.testing.assert_close(graded(photo, regions, asking()), photo)
    torch.testing.assert_close(graded(photo, regions, asking(lips=(200, 20, 20))), photo)


@pytest.mark.parametrize("colour", [(20, 22, 30), (230, 220, 200), (150, 40, 120)])
def test_a_region_comes_near_the_colour_and_keeps_its_light(
    photo: torch.Tensor, colour: tuple[int, int, int]
) -> None:
    made = graded(photo, one_region("hair"), asking(hair=colour))
    wanted = torch.tensor(colour) / 127.5 - 1
    before, after = ((p[0, :, :120].mean(dim=(1, 2)) - wanted).abs().mean() for p in (photo, made))
    assert after < 0.35 * before
    torch.testing.assert_close(made[:, :, 136:], photo[:, :, 136:])  # nor does it spill
    assert made.abs().max() <= 1
    was, now = (p[0, 0, :120].flatten() for p in (photo, made))
    assert torch.corrcoef(torch.stack([was, now]))[0, 1] > 0.999  # strands are where they were


def test_large_photos_are_graded_as_small_ones_are(photo: torch.Tensor) -> None:
    large = torch.nn.functional.interpolate(photo, scale_factor=4)
    regions, wish = one_region("skin"), asking(skin=(90, 60, 40))
    both = graded(photo, regions, wish), graded(large, regions, wish)
    small, large = both[0], both[1][..., ::4, ::4]
    rows = slice(None, 120)  # the border between regions is as sharp as the photo
    torch.testing.assert_close(large[:, :, rows], small[:, :, rows], atol=1e-3, rtol=0)


def test_ears_and_neck_are_as_the_skin_is(photo: torch.Tensor) -> None:
    logits = torch.full((1, len(CLASSES), CELLS, CELLS), -9.0)
    logits[:, CLASSES.index("skin"), UPPER] = 9
    logits[:, CLASSES.index("neck"), LOWER] = 9
    regions = regions_of(logits)
    assert regions[0, COLOURS.index("skin"), LOWER].max() < 0.01
    made = graded(
        photo.mean(dim=(2, 3), keepdim=True).expand_as(photo), regions, asking(skin=(90, 60, 40))
    )
    assert made[0].std(dim=(1, 2)).max() < 0.01


def test_lips_are_as_the_skin_is_unless_they_are_asked_for(photo: torch.Tensor) -> None:
    regions = one_region("skin")
    regions[:, COLOURS.index("lips"), LOWER] = 1
    both = graded(photo, regions, asking(skin=(90, 60, 40)))
    assert both[:, :, 136:].mean() < photo[:, :, 136:].mean() - 0.2
    red = graded(photo, regions, asking(skin=(90, 60, 40), lips=(220, 60, 80)))
    assert red[:, 0, 136:].mean() > photo[:, 0, 136:].mean() + 0.2
    alone = graded(photo, regions, asking(lips=(220, 60, 80)))
    torch.testing.assert_close(red[:, :, 136:], alone[:, :, 136:])


def test_a_few_cells_say_little_of_a_colour(photo: torch.Tensor) -> None:
    regions = torch.zeros(1, len(COLOURS) + 1, CELLS, CELLS)
    regions[:, COLOURS.index("hair"), 0, :2] = 1
    made = graded(photo, regions, asking(hair=(255, 255, 255)))
    assert (made - photo).abs().max() < 0.4 * (1 - photo[:, :, :4, :8].mean())
