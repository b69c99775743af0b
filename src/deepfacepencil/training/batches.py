"""From a prepared folder to the networks: which photos are shown when, and as what tensors.

What is shown depends on (seed, photos shown before) alone; so a run that goes on sees what an
uninterrupted one sees, and processes that train together agree on their shares without asking.
"""

from collections.abc import Generator, Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ..data.dataset import FacePairs, Triplet
from ..errors import InputError
from ..models.condition import Condition
from ..workers import follow_parent, leave_endings_to_parent
from .recipes import Phase


class Batch(NamedTuple):
    """Triplets as the networks take them. A further input of theirs is a field of `Condition`."""

    S_syn: Condition
    S_dfm: Condition
    photo: Tensor  # x (B, 3, H, W) in [-1, 1]


class _Visited(Protocol):
    def visit(self, epoch: int, index: int, /) -> Any: ...


class _Visits(Dataset):
    """Pairs as a map from (epoch, item), which is what a worker process is asked for."""

    def __init__(self, pairs: _Visited) -> None:
        self.pairs = pairs

    def __getitem__(self, visit: tuple[int, int]) -> Any:
        return self.pairs.visit(*visit)


def visits(items: int, seed: int, start: int) -> Iterator[tuple[int, int]]:
    """(epoch, item) for ever from photo number `start` on: every epoch in its own order."""
    epoch, offset = divmod(start, items)
    while True:
        order = np.random.default_rng((seed, epoch)).permutation(items)
        for item in order[offset:].tolist():
            yield epoch, item
        epoch, offset = epoch + 1, 0


def batches(
    pairs: FacePairs,
    phase: Phase,
    seed: int,
    start: int,
    rank: int = 0,
    processes: int = 1,
) -> Generator[Triplet, None, None]:
    """What is left of a phase after `start` photos, made in a worker process while a step runs.

    Of every batch, process number `rank` of `processes` gets its share.
    """
    upcoming = visits(len(pairs), seed, start)
    share = phase.batch // processes
    plan = (
        list(islice(upcoming, phase.batch))[rank * share : (rank + 1) * share]
        for _ in range(start, phase.images - phase.batch + 1, phase.batch)
    )
    return loaded(pairs, plan)


def loaded(pairs: _Visited, plan: Iterable[list[tuple[int, int]]]) -> Generator[Any, None, None]:
    """The batches of a plan of visits, made in a worker process while a step runs.

    The worker ends with this generator: at its end, at an error, or when it is closed. Its
    InputError comes without torch's words about workers.
    """
    made: Any = iter(
        DataLoader(
            _Visits(pairs),
            batch_sampler=plan,  # any iterable will do
            num_workers=1,
            prefetch_factor=4,
            worker_init_fn=_start_worker,
        )
    )
    try:
        yield from made
    except InputError as problem:
        said = str(problem).strip().splitlines()[-1]
        raise InputError(said.removeprefix(f"{InputError.__module__}.InputError: ")) from None
    finally:
        # What it does when collected; a traceback may keep it from that for as long as we live.
        made._shutdown_workers()


def _start_worker(_: int) -> None:
    leave_endings_to_parent()
    follow_parent()
    torch.set_num_threads(1)  # the other cores are for the step


def to_tensors(triplets: Triplet, device: torch.device) -> Batch:
    """uint8 triplets as the networks take them: strokes in {0..1}, photos in [-1, 1]."""
    S_syn, S_dfm, photo = (torch.as_tensor(part).to(device).float() for part in triplets)
    return Batch(
        Condition(S_syn / 255),
        Condition(S_dfm / 255),
        (photo / 127.5 - 1).contiguous(memory_format=torch.channels_last),
    )
