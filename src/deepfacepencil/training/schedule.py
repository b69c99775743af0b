"""When what is trained, and how fast: places in a stage and the learning rate (section 4.1)."""

from .recipes import Recipe


def learning_rate(recipe: Recipe, number: int, shown: int) -> float:
    """Constant for the first half of a stage, then linear to zero (section 4.1).

    A recipe may keep it constant instead: then the moving average alone calms what is released.
    """
    if not recipe.decays:
        return recipe.learning_rate
    before, images = place_in_stage(recipe, number)
    return recipe.learning_rate * min(1.0, 2 * (1 - (before + shown) / images))


def place_in_stage(recipe: Recipe, number: int) -> tuple[int, int]:
    """Photos that the stage showed before phase `number`, and photos that it shows in all."""
    stage = recipe.phases[number].stage
    before = sum(p.images for p in recipe.phases[:number] if p.stage == stage)
    return before, sum(p.images for p in recipe.phases if p.stage == stage)
