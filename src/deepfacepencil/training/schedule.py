"""When what is trained, how fast and from which seed: places in a stage, learning rate, seeds."""

import hashlib

from .recipes import Recipe


def learning_rate(recipe: Recipe, number: int, shown: int) -> float:
    """Constant for the first half of a stage, then linear to zero (section 4.1).

    A recipe may keep it constant instead: then the moving average alone steadies what is released.
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


def phase_seed(recipe: Recipe, number: int, seed: int) -> int:
    """What everything random in a phase follows from.

    By the stage's name and the resolution, not by the phase's number: models that are compared see
    the same photos in the same order and start D from the same weights, whichever other stages
    they have.
    """
    alike = [(phase.stage, phase.resolution) for phase in recipe.phases[: number + 1]]
    words = f"{seed}, {alike[-1]}, {alike.count(alike[-1])}"
    return int.from_bytes(hashlib.sha256(words.encode()).digest()[:4])


def kept_by_average(recipe: Recipe, number: int, shown: int) -> float:
    """How much of the generators' moving average stays in the step that ends at `shown` photos.

    Half of it after `ema_images` photos. Early in a stage the average would still be where the
    stage began: it looks back a quarter of the way.
    """
    batch = recipe.phases[number].batch
    total = place_in_stage(recipe, number)[0] + shown
    keep = 0.5 ** (batch / recipe.ema_images) if recipe.ema_images else 0.0
    return min(keep, total / (total + 3 * batch))
