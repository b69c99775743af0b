"""What is settled before a training begins: devices, whose folder it is, what it goes on from.

Everything that cannot be is refused here, in one line, before the first step.
"""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from lightning_fabric import Fabric
from lightning_fabric.plugins.environments import SLURMEnvironment, TorchElasticEnvironment
from lightning_fabric.utilities.exceptions import MisconfigurationException
from torch import Tensor

from ..budget import require_regular
from ..data.dataset import FacePairs
from ..errors import InputError
from ..files import atomic_path
from .checkpoint import PORTRAIT_WEIGHTS, load_weights
from .recipes import Recipe
from .report import LOG, SETTINGS


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
    """Raises InputError if `run` holds a training with other settings, or one that is damaged."""
    for name in (SETTINGS, LOG):
        require_regular(run / name)
    path = run / SETTINGS
    if not path.exists():
        return
    before = read_settings(run)
    now = json.loads(json.dumps(settings))  # as it would be stored: tuples are lists there
    other = [name for name, value in now.items() if before.get(name) != value]
    if other:
        raise InputError(
            f"{run} holds a training with another {' and '.join(other)} (see {path});"
            " choose another --output"
        )


def read_settings(run: Path) -> dict[str, Any]:
    """What RUN/run.json says. Raises InputError if that is nothing."""
    path = run / SETTINGS
    try:
        settings = json.loads(path.read_text())
    except ValueError:  # cut, or not even text
        settings = None
    if not isinstance(settings, dict):
        raise InputError(
            f"{path} is damaged; remove it if {run} is a training of this very command, or choose"
            " another --output"
        )
    return settings


def is_portrait(run: Path) -> bool:
    """Whether `run` trains a portrait generator (portrait_run.py)."""
    if (run / PORTRAIT_WEIGHTS).exists():
        return True
    return (run / SETTINGS).exists() and read_settings(run).get("model") == "portrait"


@contextmanager
def alone(run: Path) -> Iterator[None]:
    """One training per folder: a lock on it that ends with this process and leaves nothing behind.

    Where the system or the file system has no such locks, this goes on without. Raises InputError
    if another training has it.
    """
    try:
        import fcntl
    except ImportError:  # not on Windows
        yield
        return
    run.mkdir(parents=True, exist_ok=True)
    folder = os.open(run, os.O_RDONLY)
    try:
        # The workers of a training that was killed hold it until they notice.
        for wait in (0.1, 0.4, 1, 2, None):
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if wait is None:
                    raise InputError(
                        f"{run}: another training is at work there; wait for it, or choose another"
                        " --output"
                    ) from None
                time.sleep(wait)
            except OSError as problem:  # on some network disks
                why = problem.strerror
                print(f"{run} cannot be locked ({why}): start no second training there")
                break
        try:
            yield
        finally:
            with suppress(OSError):
                run.rmdir()  # if nothing came of it
    finally:
        os.close(folder)


def claim(run: Path, settings: dict[str, Any]) -> None:
    """From now on, `run` is this training."""
    run.mkdir(parents=True, exist_ok=True)
    with atomic_path(run / SETTINGS) as temporary:
        temporary.write_text(json.dumps(settings, indent=1))


@contextmanager
def finishing_steps(fabric: Fabric) -> Iterator[Callable[[], bool]]:
    """Ctrl-C, TERM and HUP let the step at hand finish; a second one stops at once.

    Yields whether one came. A state that is saved in the middle of a step would not be one that an
    uninterrupted run passes.
    """
    pressed = False
    usual = {
        number: signal.getsignal(number)
        for number in map(_signal, ("SIGINT", "SIGTERM", "SIGHUP"))
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN  # as nohup has it
    }

    def press(number: int, _: object) -> None:
        nonlocal pressed
        pressed = True
        for each, handler in usual.items():
            signal.signal(each, handler)
        if number == _signal("SIGHUP"):  # the terminal is gone: saving must not fail for a word
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
        if fabric.is_global_zero:
            os.write(2, b"\nfinishing this step, then saving; Ctrl-C again stops at once\n")

    for number in usual:
        signal.signal(number, press)
    try:
        yield lambda: pressed
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)


def _signal(name: str) -> signal.Signals | None:
    return getattr(signal, name, None)  # Windows has no SIGHUP


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
