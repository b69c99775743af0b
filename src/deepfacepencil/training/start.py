"""What is settled before a training begins: devices, whose folder it is, what it goes on from.

Everything that cannot be is refused here, in one line, before the first step.
"""

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lightning_fabric import Fabric
from lightning_fabric.plugins.environments import SLURMEnvironment, TorchElasticEnvironment
from lightning_fabric.utilities.exceptions import MisconfigurationException
from torch import Tensor

from ..data.dataset import FacePairs
from ..errors import InputError
from ..files import atomic_path
from .checkpoint import load_weights
from .recipes import Recipe
from .report import SETTINGS


def processes(accelerator: str, devices: int | str, nodes: int, recipe: Recipe) -> Fabric:
    """What starts the processes and joins them. Raises InputError if that cannot be."""
    try:
        fabric = Fabric(accelerator=accelerator, devices=devices, num_nodes=nodes)
    except (MisconfigurationException, RuntimeError, TypeError, ValueError) as problem:
        raise InputError(f"no such devices here: {problem}") from problem
    for environment in (TorchElasticEnvironment, SLURMEnvironment):
        if environment.detect():
            if environment().world_size() != fabric.world_size:
                raise InputError(
                    f"{environment().world_size()} processes were started, and {fabric.world_size}"
                    " are to train; --devices (per node) and --nodes must be what torchrun or srun"
                    " has"
                )
            break  # torchrun may be inside a SLURM job; Fabric too takes the first
    for phase in recipe.phases:
        if phase.batch % fabric.world_size:
            raise InputError(
                f"{fabric.world_size} processes cannot share the batches of {phase.batch} photos of"
                f" {phase.stage} equally; choose other --devices or --nodes"
            )
    return fabric


def trained_generator(run: Path, recipe: Recipe) -> dict[str, Tensor]:
    """The weights of G_m that `run` released. Raises InputError if they are not for `recipe`."""
    weights, facts = load_weights(run)
    if facts["model"] != "ours":
        raise InputError(f"{run} holds {facts['model']}; the enhancer goes on from our model")
    if (facts["width"], facts["cap"]) != (recipe.width, recipe.cap):
        raise InputError(
            f"{run} has a generator of width {facts['width']} and cap {facts['cap']};"
            f" recipe {recipe.name} wants {recipe.width} and {recipe.cap}"
        )
    return weights


def split_of_the_sheets(data: Path) -> str:
    """val; or train, and it is said, where photos of one's own have no such split."""
    try:
        FacePairs(data, "val", 1)
    except InputError:
        print(f"{data} has no val split: the sheets show photos that are trained on")
        return "train"
    return "val"


def refuse_another(run: Path, settings: dict[str, Any]) -> None:
    """Raises InputError if `run` holds a training with other settings."""
    path = run / SETTINGS
    if path.exists():
        before = json.loads(path.read_text())
        now = json.loads(json.dumps(settings))  # as it would be stored: tuples are lists there
        other = [name for name, value in now.items() if before.get(name) != value]
        if other:
            raise InputError(
                f"{run} holds a training with another {' and '.join(other)} (see {path});"
                " choose another --output"
            )


def claim(run: Path, settings: dict[str, Any]) -> None:
    """From now on, `run` is this training."""
    run.mkdir(parents=True, exist_ok=True)
    with atomic_path(run / SETTINGS) as temporary:
        temporary.write_text(json.dumps(settings, indent=1))


@contextmanager
def finishing_steps(fabric: Fabric) -> Iterator[Callable[[], bool]]:
    """Ctrl-C lets the step at hand finish; a second one stops at once. Yields whether it came.

    A state that is saved in the middle of a step would not be one that an uninterrupted run passes.
    """
    pressed = False
    usual = signal.getsignal(signal.SIGINT)

    def press(*_: object) -> None:
        nonlocal pressed
        pressed = True
        signal.signal(signal.SIGINT, usual)
        if fabric.is_global_zero:
            os.write(2, b"\nfinishing this step, then saving; Ctrl-C again stops at once\n")

    signal.signal(signal.SIGINT, press)
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, usual)


@contextmanager
def refusals_of_the_disk(run: Path) -> Iterator[None]:
    """A full or read-only disk becomes one line. Files are written whole or not at all."""
    try:
        yield
    except OSError as problem:
        if problem.errno is None:  # Pillow's, not the operating system's
            raise
        reason = problem.strerror or problem
        raise InputError(
            f"{run} cannot be written ({reason}); once it can, the same command goes on"
        ) from problem
