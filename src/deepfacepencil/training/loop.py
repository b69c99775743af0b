"""The training loop: the phases of a recipe, step by step, with log, sample sheets and checkpoints.

Progress is counted in photos shown. Everything random follows from (seed, stage, resolution, photos
shown) alone, so a run that was interrupted ends with the weights and the log of one that was not.
Processes that train together share each batch; the first of them writes.
"""

import json
import os
import time
from collections.abc import Callable
from contextlib import closing, nullcontext
from dataclasses import asdict
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.nn.utils import get_total_norm
from torch.optim import Adam
from torch.utils.data import default_collate
from tqdm import tqdm

from ..data.dataset import FacePairs
from ..data.prepare import fingerprint
from ..errors import InputError
from ..files import remove_leftovers
from ..provenance import save_made
from .batches import Batch, batches, to_tensors, visits
from .checkpoint import ENHANCER_WEIGHTS, load_state, require_room, save_state, save_weights
from .networks import Compute, Networks, compile_networks, new_discriminator
from .recipes import ENHANCER, STAGE_1, Phase, Recipe
from .report import LOG, SHEETS, write_report
from .schedule import kept_by_average, learning_rate, phase_seed, place_in_stage
from .sheet import enhancer_sheet, sample_sheet
from .stages import STAGES
from .start import (
    alone,
    claim,
    finishing_steps,
    processes,
    refusals_of_the_disk,
    refuse_another,
    split_of_the_sheets,
    trained_generator,
)

LOG_EVERY = 20  # steps
SAVE_EVERY, SHEET_EVERY = 240.0, 300.0  # seconds


def train(
    data: Path,
    run: Path,
    recipe: Recipe,
    seed: int,
    accelerator: str = "auto",  # cpu, gpu, auto
    devices: int | str = "auto",  # per node: a process each
    nodes: int = 1,
    generator: Path | None = None,  # a finished run, whose G_m the enhancer goes on from
) -> None:
    """All phases of a recipe; the same call goes on where it was interrupted, on other devices too.

    Writes to `run` what docs/training.md lists. Raises InputError if `data` has no photos to train
    on, if `run` holds another training or cannot be written to, if this machine has no such
    devices, and if a loss is not finite. Ctrl-C saves the state and raises KeyboardInterrupt. In
    every process but the first, these two become SystemExit: the first says why.
    """
    enhancing = recipe.phases[0].stage == ENHANCER
    if enhancing != (generator is not None):
        how = "goes on from a trained run: give" if enhancing else "starts from nothing: leave out"
        raise InputError(f"recipe {recipe.name} {how} --generator RUN")
    fabric = processes(accelerator, devices, nodes, recipe)
    try:
        FacePairs(data, "train", max(phase.resolution for phase in recipe.phases))
        asked = asdict(recipe)
        settings = {"model": asked.pop("model"), "recipe": asked, "seed": seed}
        settings["data"] = fingerprint(data)
        if generator:
            settings["generator"] = str(generator.resolve())
        refuse_another(run, settings)
        fabric.launch()
        lock = alone(run) if fabric.is_global_zero else nullcontext()
        with refusals_of_the_disk(run), lock:
            training = Training(data, run, recipe, seed, fabric, generator)
            with closing(training), finishing_steps(fabric) as interrupted:
                if fabric.is_global_zero:
                    claim(run, settings)
                for number in range(training.number, len(recipe.phases)):
                    training.begin(number)
                    _run_phase(training, interrupted)
                training.finish()
    except (InputError, KeyboardInterrupt):
        if fabric.is_global_zero:
            raise
        raise SystemExit(2) from None
    fabric.print(f"{run}: trained")
    if recipe.model == "ours" and not enhancing:
        fabric.print(f"`deepfacepencil export {run} --output model.onnx` makes a model of it")


class Training:
    """One run: what it was asked to do, the networks and optimisers, and how far it is."""

    compute: Compute  # these two from the beginning of a stage on
    optimisers: tuple[Adam, ...] = ()

    def __init__(
        self,
        data: Path,
        run: Path,
        recipe: Recipe,
        seed: int,
        fabric: Fabric,
        generator: Path | None = None,
    ) -> None:
        """A new training, or the one that `run` holds, as it was when its state was saved."""
        self.data, self.run, self.recipe, self.seed = data, run, recipe, seed
        self.fabric = fabric
        torch.manual_seed(seed)
        self.networks = Networks(recipe).to(fabric.device)
        if recipe.compiled:
            compile_networks(self.networks)
        self.number = 0  # of the phase
        self.shown = 0  # photos of that phase
        self.sums: dict[str, Tensor] = {}  # of the losses since the last line of the log
        self.steps = 0  # in these sums
        self.sheet_split = split_of_the_sheets(data)

        if fabric.is_global_zero:
            remove_leftovers(run)
        require_room(self.networks.state_bytes(), run)
        state = load_state(run)
        if state is None and generator:
            self.networks.main.load_state_dict(trained_generator(generator, recipe))
        if state is not None:
            try:
                self._restore(state)
            except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as problem:
                raise InputError(
                    f"{run} holds a training state that does not fit this version or recipe; choose"
                    " another --output"
                ) from problem
        self.board = None
        if fabric.is_global_zero:
            if (run / LOG).exists():  # what was logged after the state was saved comes again
                logged = 0 if state is None else state["log"]
                os.truncate(run / LOG, min(logged, (run / LOG).stat().st_size))
            self.board = _tensorboard(run, self.shown_in_all)

    def _restore(self, state: dict[str, Any]) -> None:
        """As it was when the state was saved; raises anything if it is not one of this training."""
        self.networks.load_state_dict(state["networks"])
        self.number, self.shown = int(state["phase"]), int(state["shown"])
        self.sums, self.steps = dict(state["sums"]), int(state["steps"])
        int(state["log"])
        if self.shown:
            self._enter_stage()
            for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
                optimiser.load_state_dict(saved)

    @property
    def phase(self) -> Phase:
        """The phase at hand."""
        return self.recipe.phases[self.number]

    @property
    def shown_in_all(self) -> int:
        """Photos of all phases up to now."""
        return sum(phase.images for phase in self.recipe.phases[: self.number]) + self.shown

    @property
    def phase_seed(self) -> int:
        """Everything random in the phase comes from it."""
        return phase_seed(self.recipe, self.number, self.seed)

    def begin(self, number: int) -> None:
        """Go on with phase `number`. A stage that begins with it gets optimisers of its own."""
        if number != self.number:
            self.number, self.shown = number, 0
        if self.shown or place_in_stage(self.recipe, number)[0]:
            return
        if STAGES[self.phase.stage].fresh_discriminator:
            torch.manual_seed(self.phase_seed)
            fresh = new_discriminator(self.recipe).state_dict()
            self.networks.discriminator.load_state_dict(fresh)
        # The average starts each stage at the weights themselves: some have not been averaged yet.
        self.networks.update_ema(0.0)
        self._enter_stage()

    def _enter_stage(self) -> None:
        """Adam for the stage's generators (or C), and Adam for D; nothing else gets gradients."""
        stage = STAGES[self.phase.stage]
        groups = [stage.generator_parameters(self.networks)]
        if stage.adversarial:
            groups.append(list(self.networks.discriminator.parameters()))
        self.networks.requires_grad_(False)
        self.networks.zero_grad()
        for parameter in chain(*groups):
            parameter.requires_grad_(True)
        self.optimisers = tuple(
            Adam(group, self.recipe.learning_rate, self.recipe.betas, fused=True)
            for group in groups
        )
        self.compute = Compute.of(self.networks, self.fabric, self.recipe)

    def close(self) -> None:
        """Leave TensorBoard's file whole, and end the thread that writes it."""
        if self.board:
            self.board.close()

    def step(self, batch: Batch) -> None:
        """Show one batch; a process, its share. Raises InputError if a loss is not finite."""
        rate = learning_rate(self.recipe, self.number, self.shown)
        for optimiser in self.optimisers:
            optimiser.param_groups[0]["lr"] = rate
        place = self.phase_seed, self.shown, self.fabric.global_rank
        torch.manual_seed(int(np.random.SeedSequence(place).generate_state(1)[0]))
        stage = STAGES[self.phase.stage]
        losses = stage.step(self.networks, self.compute, batch, *self.optimisers)
        means = self.fabric.all_reduce(torch.stack(list(losses.values())))  # over the processes
        losses = dict(zip(losses, means, strict=True))
        self.shown += self.phase.batch
        self.networks.update_ema(kept_by_average(self.recipe, self.number, self.shown))
        self._require_finite(losses, of_a_batch=True)
        for name, value in losses.items():
            self.sums[name] = self.sums[name] + value if name in self.sums else value
        self.steps += 1

    def log(self, speed: float) -> None:
        """Append a line to the log: the mean of every loss since the line before.

        The norms are those of the gradients of the last step: of the generators or C, and of D.
        """
        norms = [
            get_total_norm(p.grad for p in optimiser.param_groups[0]["params"])
            for optimiser in self.optimisers
        ]
        line = {
            "stage": self.phase.stage,
            "resolution": self.phase.resolution,
            "shown": self.shown,
            "photos/s": round(speed, 2),
            "learning rate": round(
                learning_rate(self.recipe, self.number, self.shown - self.phase.batch), 8
            ),
            **{name: round(float(value) / self.steps, 5) for name, value in self.sums.items()},
            **{
                name: round(float(norm), 5)
                for name, norm in zip(("gradient", "gradient d"), norms, strict=False)
            },
        }

        def write() -> None:
            with (self.run / LOG).open("a") as file:
                file.write(json.dumps(line) + "\n")
            if self.board:
                for name in line.keys() - {"stage", "resolution", "shown"}:
                    self.board.add_scalar(name, line[name], self.shown_in_all)

        self._by_the_first(write)
        self.sums, self.steps = {}, 0

    def save(self) -> None:
        """Write the state to resume from, and the weights as they are released."""
        # Finite losses can still break the weights: such a state must not replace a good one.
        self._require_finite(dict(self.networks.named_parameters()))
        self._by_the_first(self._write_state)

    def _by_the_first(self, write: Callable[[], None]) -> None:
        """`write` in the first process, while the others wait; if it cannot, all stop."""
        refusal = None
        if self.fabric.is_global_zero:
            try:
                write()
            except OSError as problem:
                refusal = problem
        (refused,) = self.anyone(refusal is not None)
        if refused:
            raise refusal or SystemExit(2)

    def _write_state(self) -> None:
        log = self.run / LOG
        state = {
            "phase": self.number,
            "shown": self.shown,
            "networks": self.networks.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            "sums": self.sums,
            "steps": self.steps,
            "log": log.stat().st_size if log.exists() else 0,  # bytes
        }
        save_state(state, self.run)
        recipe = self.recipe
        shown = [phase.images for phase in recipe.phases[: self.number]]
        shown += [self.shown] if self.shown else []
        facts: dict[str, Any] = {
            "recipe": recipe.name,
            "model": recipe.model,
            "width": recipe.width,
            "cap": recipe.cap,
            "depth": recipe.depth,
            "pooling": recipe.pooling,
            "seed": self.seed,
            "shown": shown,
            "finished": self.number == len(recipe.phases),
            "resolution": recipe.phases[len(shown) - 1].resolution,
        }
        average = self.networks.ema
        if enhancer := average["enhancer"].state_dict():
            save_weights(enhancer, facts, self.run, ENHANCER_WEIGHTS)
            facts["resolution"] //= 2  # which is what G_m sees
        save_weights(average["main"].state_dict(), facts, self.run)

    def finish(self) -> None:
        """Save the trained networks, now without what only training needs."""
        self.number, self.shown, self.optimisers = len(self.recipe.phases), 0, ()
        self.save()
        if self.fabric.is_global_zero:
            write_report(self.run)

    def draw_sheet(self, pairs: FacePairs) -> None:
        """Write RUN/sheets/PHASE-STAGE-RESOLUTION-SHOWN.png for the first eight of `pairs`.

        And RUN/report.html, which shows them all.
        """
        self._by_the_first(lambda: self._write_sheet(pairs))

    def _write_sheet(self, pairs: FacePairs) -> None:
        stage, resolution = self.phase.stage, self.phase.resolution
        name = f"{self.number}-{stage.replace(' ', '-')}-{resolution}-{self.shown:08d}.png"
        triplets = default_collate([pairs[index] for index in range(min(8, len(pairs)))])
        batch = to_tensors(triplets, self.compute.device)
        if stage == ENHANCER:
            image = enhancer_sheet(self.networks.ema, batch)
        else:
            single = self.networks.main is self.networks.auxiliary
            image = sample_sheet(self.networks.ema, batch, with_main=single or stage != STAGE_1)
        (self.run / SHEETS).mkdir(exist_ok=True)
        save_made(image, self.run / SHEETS / name)
        write_report(self.run)

    def anyone(self, *flags: bool) -> list[bool]:
        """For each flag, whether it is raised in any of the processes."""
        raised = torch.tensor(flags, dtype=torch.float32, device=self.fabric.device)
        return [bool(flag) for flag in self.fabric.all_reduce(raised, reduce_op="sum")]

    def _require_finite(self, tensors: dict[str, Tensor], of_a_batch: bool = False) -> None:
        broken = [name for name, tensor in tensors.items() if not tensor.isfinite().all()]
        if broken:
            photos = f" with the photos {' '.join(self._last_batch())}" if of_a_batch else ""
            raise InputError(
                f"{self.run}: {', '.join(broken[:3])} not finite after {self.shown} photos of"
                f" {self.phase.stage}{photos}; the state before is kept. Begin anew in another"
                " --output, with --precision 32-true"
            )

    def _last_batch(self) -> list[str]:
        """The ids of the photos that were shown last."""
        pairs = FacePairs(self.data, "train", self.phase.resolution)
        shown = visits(len(pairs), self.phase_seed, self.shown - self.phase.batch)
        return [pairs.ids[item] for _, item in islice(shown, self.phase.batch)]


def _run_phase(training: Training, interrupted: Callable[[], bool]) -> None:
    """The rest of the phase at hand."""
    recipe, phase, fabric = training.recipe, training.phase, training.fabric
    deforms = STAGES[phase.stage].deforms
    pairs = FacePairs(
        training.data,
        "train",
        phase.resolution,
        recipe.distortion if deforms else None,
        flip=True,
        seed=training.phase_seed,
    )
    sheet_pairs = FacePairs(
        training.data, training.sheet_split, phase.resolution, recipe.distortion, seed=training.seed
    )
    adversarial = STAGES[phase.stage].adversarial
    place = f"phase {training.number + 1} of {len(recipe.phases)}"
    what = f"{place}: {phase.stage}, {phase.resolution} px"
    saved = drawn = since = time.monotonic()
    started = training.shown
    shown = batches(
        pairs, phase, training.phase_seed, training.shown, fabric.global_rank, fabric.world_size
    )
    bar = tqdm(
        total=phase.images,
        initial=training.shown,
        unit=" photos",
        desc=what,
        disable=not fabric.is_global_zero,
    )
    with bar, closing(shown):
        for batch in shown:
            training.step(to_tensors(batch, training.compute.device))
            bar.update(phase.batch)
            now = time.monotonic()
            if training.steps == LOG_EVERY or training.shown + phase.batch > phase.images:
                training.log((training.shown - started) / (now - since))
                since, started = now, training.shown
            stop, due, stale = training.anyone(
                interrupted(),
                now - saved > SAVE_EVERY,
                adversarial and now - drawn > SHEET_EVERY,
            )
            if stale:
                training.draw_sheet(sheet_pairs)
                drawn = now
            if stop or due:
                training.save()
                saved = now
            if stop:
                bar.close()
                raise KeyboardInterrupt("interrupted: the same command goes on from here")
    if adversarial:
        training.draw_sheet(sheet_pairs)
    training.save()


def _tensorboard(run: Path, shown: int) -> Any:
    """Writes the log to RUN/tensorboard as well, where the extra of that name is installed.

    What comes after `shown` photos there was logged after the state was saved.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ModuleNotFoundError:
        return None
    return SummaryWriter(run / "tensorboard", purge_step=shown + 1)
