"""Recipes: the paper's numbers, and equal budgets for the rivals (section 4)."""

from dataclasses import fields
from typing import get_args, get_type_hints

import pytest

from deepfacepencil.cli import Train
from deepfacepencil.errors import InputError
from deepfacepencil.models.build import Model
from deepfacepencil.sketch.drawn import Distortion
from deepfacepencil.training import portrait_run
from deepfacepencil.training.recipes import (
    CLASSIFIER,
    COMPARE,
    PIX2PIXHD,
    RECIPES,
    SMALL,
    SMALL_512,
    STAGE_1,
    Adversary,
    for_model,
)

MODELS = get_args(Model)
WITH_SAP = {"ours", "sap-only"}


def photos(recipe, of_c):
    """Photos shown by resolution and batch, to C or to all other networks."""
    shown = {}
    for phase in recipe.phases:
        if (phase.stage == CLASSIFIER) == of_c:
            key = phase.resolution, phase.batch
            shown[key] = shown.get(key, 0) + phase.images
    return shown


@pytest.mark.parametrize("name", sorted(RECIPES.keys() - {"small-512"}))
@pytest.mark.parametrize("model", MODELS)
def test_every_model_is_shown_as_many_photos(model, name):
    recipe, rival = RECIPES[name], for_model(RECIPES[name], model)
    assert photos(rival, of_c=False) == photos(recipe, of_c=False)
    assert photos(rival, of_c=True) == (photos(recipe, of_c=True) if model in WITH_SAP else {})
    assert rival.model == model
    kept = {field.name for field in fields(recipe)} - {"model", "phases"}
    if model == "pix2pix":  # it has its own losses
        kept -= {"adversary", "reconstruction", "perceptual"}
        assert (rival.adversary, rival.reconstruction, rival.perceptual) == (Adversary(), 100, 0)
    if model == "pix2pixhd":
        kept -= set(PIX2PIXHD)
        assert {field: getattr(rival, field) for field in PIX2PIXHD} == PIX2PIXHD
    assert all(getattr(rival, field) == getattr(recipe, field) for field in kept)


def test_ours_is_the_recipe_itself_and_the_baseline_its_first_stage():
    assert all(for_model(recipe, "ours") is recipe for recipe in RECIPES.values())
    assert {phase.stage for phase in for_model(SMALL, "baseline").phases} == {STAGE_1}


def test_the_u_net_makes_one_pixel_of_the_smallest_photos():
    assert [for_model(RECIPES[name], "pix2pix").depth for name in ("paper", "compare", "tiny")] == [
        8,
        7,
        5,
    ]


def test_the_enhancer_is_for_ours():
    for model in set(MODELS) - {"ours"}:
        with pytest.raises(
            InputError, match=f"small-512 is for our model.*leave out --model {model}"
        ):
            for_model(SMALL_512, model)


def test_the_experiment_shows_20000_photos_and_the_papers_deformation():
    assert photos(COMPARE, of_c=False) == {(128, 8): 20_000}
    assert COMPARE.distortion == Distortion()


def test_the_command_offers_every_recipe_and_model():
    hints = get_type_hints(Train)
    assert set(get_args(hints["recipe"])) == set(RECIPES) | set(portrait_run.RECIPES)
    assert get_args(hints["model"]) == MODELS
