"""A training of portraits as a run in a folder: progress, log, sheets, states, and going on.

What a step does is in portrait.py. The folder looks like that of any other training
(docs/training.md), but that RUN/portrait.safetensors, from stage 2 on, is what `export` reads.
"""

import json
import os
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, replace
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils.data import default_collate
from tqdm import tqdm

from ..data.portraits import PortraitPairs
from ..data.prepare import fingerprint
from ..errors import InputError
from ..files import remove_leftovers
from ..models.condition import Condition
from ..models.generator import to_bytes
from ..models.mobile_stylegan import LATENT
from ..models.portrait import SKETCH_SIZE, PortraitEncoder
from ..models.portrait_body import load_taught
from ..provenance import save_made
from ..runtime.engine import SPREAD
from ..runtime.overlay import tolerance_overlay
from .batches import loaded
from .checkpoint import PORTRAIT_WEIGHTS, load_state, require_room, save_state, save_weights
from .networks import can_compile
from .portrait import Networks, PortraitRecipe, PortraitTraining, visits
from .precision import has_bfloat16
from .recipes import CLASSIFIER, STAGE_1, STAGE_2, STAGE_3
from .report import LOG, SHEETS, write_report
from .start import alone, claim, finishing_steps, refusals_of_the_disk, refuse_another

RECIPES = {
    "portrait": PortraitRecipe(),  # hours of two CPU cores: the bundled model
    # Seconds a stage, for tests; the body is the real one.
    "tiny-portrait": PortraitRecipe(
        classifier=2, stage_1=8, stage_2=4, stage_3=4, latents_only=4, batch=2, compiled=False
    ),
}
LOG_EVERY = 20  # steps
SAVE_EVERY, SHEET_EVERY = 240.0, 600.0  # seconds
_STAGES = (CLASSIFIER, STAGE_1, STAGE_2, STAGE_3)
_SHOWN_ON_SHEETS = 8


def train_portrait(data: Path, run: Path, name: str, seed: int) -> None:
    """All stages of a recipe by name, on the CPU; the same call goes on where it was interrupted.

    Raises InputError if `data` has no generated faces, if `run` holds another training or cannot be
    written to, and if a loss is not finite. Ctrl-C and TERM save the state and raise
    KeyboardInterrupt.
    """
    recipe = replace(RECIPES[name], seed=seed)
    pairs = PortraitPairs(data, "train", SKETCH_SIZE, seed=seed)
    lengths = zip(_STAGES, recipe.steps, strict=True)
    phases = [{"stage": stage, "images": steps * recipe.batch} for stage, steps in lengths]
    settings = {
        "model": "portrait",
        "recipe": {"name": name, **asdict(recipe), "phases": phases},
        "seed": seed,
        "data": fingerprint(data),
    }
    refuse_another(run, settings)
    with refusals_of_the_disk(run), alone(run):
        portrait = PortraitRun(data, run, name, recipe)
        claim(run, settings)
        with finishing_steps(Fabric(accelerator="cpu", devices=1)) as interrupted:
            portrait.go_on(pairs, interrupted)
    print(f"{run}: trained")
    print(f"`deepfacepencil export {run} --output model.onnx` makes a model of it")


class PortraitRun:
    """A training in its folder."""

    def __init__(self, data: Path, run: Path, name: str, recipe: PortraitRecipe) -> None:
        """A new training, or the one that `run` holds, as it was when its state was saved."""
        self.run, self.name, self.recipe = run, name, recipe
        torch.manual_seed(recipe.seed)
        taught = load_taught()
        networks = Networks(taught)
        compiled = recipe.compiled and can_compile(torch.device("cpu"))
        self.training = PortraitTraining(networks, recipe, compiled)
        self.sums: dict[str, list[float]] = {}  # of the losses since the last line of the log
        remove_leftovers(run)
        trained = (networks.auxiliary, networks.main, networks.averaged, networks.discriminator)
        values = sum(p.numel() for network in trained for p in network.parameters())
        require_room(4 * 3 * values, run)  # each with two averages of Adam
        state = load_state(run)
        if state is not None:
            try:
                self.training.load_state(state)
                self.sums = state.get("sums", {})
            except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as problem:
                raise InputError(
                    f"{run} holds a training state that does not fit this version or recipe; choose"
                    " another --output"
                ) from problem
        if (run / LOG).exists():  # what was logged after the state was saved comes again
            size = (run / LOG).stat().st_size
            os.truncate(run / LOG, min(size if state is None else state.get("log", size), size))
        self.faces = _faces_of_the_sheets(data, recipe.seed)

    @property
    def stage(self) -> int:
        """That of the last step, 0 to 3."""
        ends = accumulate(self.recipe.steps[:-1])
        return sum(self.training.step > end for end in ends)

    @property
    def shown(self) -> int:
        """Drawings of that stage."""
        return (self.training.step - sum(self.recipe.steps[: self.stage])) * self.recipe.batch

    def go_on(self, pairs: PortraitPairs, interrupted: Callable[[], bool]) -> None:
        """The rest of the training."""
        training, recipe = self.training, self.recipe
        ends = list(accumulate(recipe.steps))  # of the stages
        total = ends[-1]
        precision = "bfloat16" if has_bfloat16() else "float32: this processor has no bfloat16"
        print(f"computing in {precision}")
        plan = visits(len(pairs), recipe.batch, recipe.seed, training.step)
        left = (next(plan) for _ in range(training.step, total))
        bar = tqdm(
            total=total * recipe.batch,
            initial=training.step * recipe.batch,
            unit=" drawings",
            desc=_STAGES[self.stage],
        )
        saved = drawn = since = time.monotonic()
        before = training.step
        shown = loaded(pairs, left)
        with bar, closing(shown):
            for batch in shown:
                for what, value in training.train_step(_to_tensors(batch)).items():
                    self.sums.setdefault(what, []).append(value)
                self._require_finite()
                bar.update(recipe.batch)
                bar.set_description(_STAGES[self.stage], refresh=False)
                now = time.monotonic()
                if training.step % LOG_EVERY == 0 or training.step in ends:
                    self._log((training.step - before) * recipe.batch / (now - since))
                    before, since = training.step, now
                if now - drawn > SHEET_EVERY:
                    self.draw_sheet()
                    drawn = time.monotonic()
                if interrupted() or now - saved > SAVE_EVERY:
                    self.save()
                    saved = now
                if interrupted():
                    bar.close()
                    raise KeyboardInterrupt("interrupted: the same command goes on from here")
        self.draw_sheet()
        self.save()

    def save(self) -> None:
        """Write the state to resume from and, from stage 2 on, what draws."""
        log = self.run / LOG
        size = log.stat().st_size if log.exists() else 0
        save_state({**self.training.state(), "sums": self.sums, "log": size}, self.run)
        if self.stage < 2:
            return
        networks = self.training.networks
        weights = {f"encoder.{n}": t for n, t in networks.averaged.state_dict().items()}
        facts = {
            "recipe": self.name,
            "model": "portrait",
            "seed": self.recipe.seed,
            "shown": self.training.step * self.recipe.batch,
            "finished": self.training.step == sum(self.recipe.steps),
            "resolution": 256,
        }
        weights["axes"] = networks.body.space.axes
        save_weights(weights, facts, self.run, PORTRAIT_WEIGHTS)

    def _log(self, speed: float) -> None:
        """Append a line: the mean of every loss since the line before."""
        line = {
            "stage": _STAGES[self.stage],
            "resolution": SKETCH_SIZE,
            "shown": self.shown,
            "photos/s": round(speed, 2),
            "learning rate": round(self.training.rate(), 8),
            **{what: round(float(np.mean(values)), 5) for what, values in self.sums.items()},
        }
        with (self.run / LOG).open("a") as file:
            file.write(json.dumps(line) + "\n")
        self.sums = {}

    def _require_finite(self) -> None:
        broken = [what for what, values in self.sums.items() if not np.isfinite(values[-1])]
        if broken:
            raise InputError(
                f"{self.run}: {', '.join(broken)} not finite after {self.training.step} steps; the"
                " state before is kept. Begin anew in another --output, with another --seed"
            )

    def draw_sheet(self) -> None:
        """Write RUN/sheets/STAGE-... of the same eight faces, and RUN/report.html."""
        stage = _STAGES[self.stage].replace(" ", "-")
        (self.run / SHEETS).mkdir(exist_ok=True)
        path = self.run / SHEETS / f"{self.stage}-{stage}-{SKETCH_SIZE}-{self.shown:08d}.png"
        save_made(portrait_sheet(self.training.networks, self.faces, self.stage > 1), path)
        write_report(self.run)


@torch.no_grad()
def portrait_sheet(networks: Networks, batch: dict[str, Tensor], with_main: bool) -> Image.Image:
    """Rows as in sheet.py: S_syn, S_dfm, G_a's photo, G_m's, SAP's tolerance, and the truth.

    `with_main` is False before G_m is trained: its rows are left out.
    """
    body, rows = networks.body, [_drawings(batch["S_syn"]), _drawings(batch["S_dfm"])]
    shape, rng = (len(batch["w"]), LATENT), torch.Generator().manual_seed(3)
    code = SPREAD * torch.randn(shape, generator=rng)

    def drawn(encoder: PortraitEncoder, sketch: Tensor) -> Tensor | None:
        """Adds the row of photos; returns the attention."""
        steered = encoder(Condition(sketch, appearance=batch["appearance"]))
        w = body.space.somebody(steered.mean, steered.log_scale, code, batch["appearance"])
        photo = body.photo(body.corrected(w, steered, encoder.corrections), w)
        rows.append(list(to_bytes(photo)))
        return steered.attention

    drawn(networks.auxiliary, batch["S_syn"])
    if with_main:
        attention = drawn(networks.averaged, batch["S_dfm"])
        assert attention is not None
        shares = attention.numpy().repeat(4, axis=2).repeat(4, axis=3)
        pairs = zip(rows[1], shares, strict=True)
        rows.append([tolerance_overlay(255 - drawing[:, :, 0], a) for drawing, a in pairs])
    rows.append(list(to_bytes(body.photo(body.features(batch["w"]), batch["w"]))))
    return Image.fromarray(np.vstack([np.hstack(row) for row in rows]))


def _drawings(sketches: Tensor) -> list[NDArray[np.uint8]]:
    """(B, 1, 128, 128) in {0..1} -> (256, 256, 3) each, dark on white."""
    grey = (255 - sketches[:, 0] * 255).round().byte().numpy().repeat(2, axis=1).repeat(2, axis=2)
    return list(grey[:, :, :, None].repeat(3, axis=3))


def _faces_of_the_sheets(data: Path, seed: int) -> dict[str, Tensor]:
    """The first eight of val; or of train, and it is said, where there is no such split."""
    try:
        pairs = PortraitPairs(data, "val", SKETCH_SIZE, seed=seed)
    except InputError:
        print(f"{data} has no val split: the sheets show faces that are trained on")
        pairs = PortraitPairs(data, "train", SKETCH_SIZE, seed=seed)
    shown = [pairs.visit(0, index) for index in range(min(_SHOWN_ON_SHEETS, len(pairs)))]
    return _to_tensors(default_collate(shown))


def _to_tensors(batch: dict[str, Any]) -> dict[str, Tensor]:
    """What PortraitPairs give, as the networks take it: strokes in {0..1}."""
    tensors = {name: torch.as_tensor(values) for name, values in batch.items()}
    for name in ("S_syn", "S_dfm"):
        tensors[name] = (tensors[name].float() / 255).to(memory_format=torch.channels_last)
    tensors["labels"] = tensors["labels"].long()
    return tensors
