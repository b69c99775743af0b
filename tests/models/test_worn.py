"""Beards and glasses that are drawn are shown, where they were drawn, and nothing else changes."""

import pytest
import torch

from deepfacepencil.models.condition import Condition
from deepfacepencil.models.portrait import PortraitEncoder
from deepfacepencil.models.portrait_body import Taught
from deepfacepencil.models.worn import CELLS, cheeks_and_below
from deepfacepencil.sketch.labels import CLASSES

GLASSES = CLASSES.index("eye_g")
NOWHERE, EVERYWHERE = torch.zeros(1, CELLS, CELLS), torch.ones(1, CELLS, CELLS)


@pytest.fixture(scope="module")
def bare(taught: Taught) -> torch.Tensor:
    """Features of somebody with neither beard nor glasses, (1, 512, 32, 32)."""
    space = taught.body.space
    with torch.no_grad():
        return taught.body.features(space.to_w(-2.0 * space.told[[0, 2]].sum(0, keepdim=True)))


@torch.no_grad()
def test_a_beard_grows_below_the_nose_as_far_as_it_was_drawn(taught: Taught, bare) -> None:
    beards, logits = taught.worn.beards, taught.body.labels(bare)
    cheeks, below = cheeks_and_below(logits)
    inside = -torch.nn.functional.max_pool2d(-below, 3, stride=1, padding=1)[0] > 0
    assert beards.score(bare, cheeks)[0][inside].max() < 0.5 < inside.sum()
    half = torch.cat([EVERYWHERE[..., :16], NOWHERE[..., 16:]], dim=-1)
    grown = bare + beards.missing(bare, logits, half)
    score = beards.score(grown, cheeks)[0]
    assert score[:, :15][inside[:, :15]].min() > 0.8
    torch.testing.assert_close(grown[..., 17:], bare[..., 17:])
    torch.testing.assert_close(grown[:, :, :16], bare[:, :, :16])
    torch.testing.assert_close(bare + beards.missing(bare, logits, NOWHERE), bare)
    again = grown + beards.missing(grown, taught.body.labels(grown), half)
    assert (again - grown).abs().mean() < 0.3 * (grown - bare).abs().mean()


@torch.no_grad()
def test_glasses_are_put_on_once(taught: Taught, bare) -> None:
    def shown(features: torch.Tensor) -> float:
        return float((taught.body.labels(features).argmax(1) == GLASSES).float().mean())

    glasses = taught.worn.glasses
    worn = bare + glasses.missing(bare, EVERYWHERE)
    assert shown(bare) == 0 and shown(worn) > 0.02
    torch.testing.assert_close(worn + glasses.missing(worn, EVERYWHERE), worn, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(bare + glasses.missing(bare, NOWHERE), bare)
    torch.testing.assert_close(worn[:, :, 20:], bare[:, :, 20:])


@torch.no_grad()
def test_strokes_that_are_left_free_put_nothing_on(taught: Taught, bare) -> None:
    encoder, sketch = PortraitEncoder(relaxing=True), torch.zeros(1, 1, 128, 128)
    free, logits = torch.ones(1, 1, 64, 64), taught.body.labels(bare)
    condition = Condition(sketch, free, torch.zeros(1, 24))
    steered = encoder(condition)._replace(
        worn=torch.stack([9 * EVERYWHERE, 9 * EVERYWHERE], dim=1), levels=[]
    )
    torch.testing.assert_close(taught.body.dressed(bare, bare, logits, steered, taught.worn), bare)
    kept = steered._replace(strength=None)
    assert (taught.body.dressed(bare, bare, logits, kept, taught.worn) - bare).abs().max() > 0.1
