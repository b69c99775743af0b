"""Seeds of phases: what two models share, they see alike; nothing else is repeated."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from deepfacepencil.training.networks import Networks
from deepfacepencil.training.recipes import COMPARE, STAGE_1, STAGE_3, TINY, Phase, for_model
from deepfacepencil.training.schedule import kept_by_average, phase_seed


def test_models_that_are_compared_see_the_same_photos_in_each_stage():
    dual = for_model(COMPARE, "dual-only")  # it has no classifier, so its phases have other numbers
    for number, phase in enumerate(dual.phases):
        of_ours = [other.stage for other in COMPARE.phases].index(phase.stage)
        assert phase_seed(dual, number, 5) == phase_seed(COMPARE, of_ours, 5)
    assert phase_seed(for_model(COMPARE, "baseline"), 0, 5) == phase_seed(dual, 0, 5)


def test_no_two_phases_and_no_two_seeds_are_alike():
    phases = (Phase(STAGE_1, 32, 4, 2), Phase(STAGE_1, 64, 4, 2), Phase(STAGE_3, 64, 4, 2))
    recipe = replace(TINY, phases=(*phases, Phase(STAGE_3, 64, 4, 2)))
    seeds = [phase_seed(recipe, number, seed) for seed in range(3) for number in range(4)]
    assert len(set(seeds)) == len(seeds)


def test_models_that_are_compared_begin_with_the_same_weights():
    begun = {}
    for model in ("ours", "dual-only", "baseline", "pix2pixhd"):
        torch.manual_seed(2)
        begun[model] = Networks(for_model(TINY, model)).state_dict()
    for model, state in begun.items():
        for name in begun["ours"]:
            if name.startswith(("discriminator.", "auxiliary.")):
                assert torch.equal(state[name], begun["ours"][name]), (model, name)


def test_the_average_forgets_half_in_its_half_life_and_its_start_sooner():
    recipe = replace(TINY, phases=(Phase(STAGE_1, 32, 100_000, 4),), ema_images=1_000)
    late = [kept_by_average(recipe, 0, shown) for shown in range(50_004, 51_004, 4)]
    assert np.prod(late) == pytest.approx(0.5)
    early = [kept_by_average(recipe, 0, shown) for shown in range(4, 404, 4)]
    assert np.prod(early) < 1e-4  # of where the stage began, after 400 photos
    assert all(0 < one <= other for one, other in pairwise(early))
    assert kept_by_average(replace(recipe, ema_images=0), 0, 50_000) == 0
    two = replace(recipe, phases=(Phase(STAGE_1, 32, 50_000, 4), Phase(STAGE_1, 64, 50_000, 4)))
    assert kept_by_average(two, 1, 4) == kept_by_average(recipe, 0, 50_004)
