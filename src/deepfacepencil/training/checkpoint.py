"""Two kinds of file, never confused: a training state to resume from, and weights to release.

A state is written beside its predecessor and renamed when it is safely on the disk; the one before
stays. So at every instant one of the two names holds a whole state.
"""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from ..budget import require_regular
from ..digests import is_sound, seal
from ..errors import InputError
from ..files import atomic_path
from ..models.build import generators
from ..models.sap import WIDTHS_AT_256

STATE, PREVIOUS = "state.pt", "state-before.pt"
WEIGHTS, ENHANCER_WEIGHTS = "generator.safetensors", "enhancer.safetensors"
PORTRAIT_WEIGHTS = "portrait.safetensors"
UNSAID = {"model": "ours", "depth": 8, "resolution": 256}


def require_room(state: int, run: Path) -> None:
    """Raises InputError if the disk cannot hold a training whose state has `state` bytes."""
    needed = 4 * state  # three states while the newest is written, the weights, sheets
    ours = sum(path.stat().st_size for path in run.glob("*") if path.is_file())
    existing = next(path for path in (run, *run.absolute().parents) if path.exists())
    free = shutil.disk_usage(existing).free + ours
    if free < needed:
        raise InputError(
            f"{run}: this training needs {needed / 1e6:.0f} MB there; {free / 1e6:.0f} MB are free"
        )


def save_state(state: dict[str, Any], run: Path) -> None:
    """Write RUN/state.pt; the state it replaces becomes RUN/state-before.pt, if it is whole."""
    with atomic_path(run / STATE) as temporary:
        with temporary.open("wb") as file:
            torch.save(state, file)
        seal(temporary)
        if (run / STATE).exists() and is_sound(run / STATE) is not False:
            (run / STATE).replace(run / PREVIOUS)


def load_state(run: Path) -> dict[str, Any] | None:
    """The newest whole training state of a run, or None if it has none.

    A file that is damaged is named, and the one before it is used. Raises InputError if there
    are files and none is whole.
    """
    paths = [path for path in (run / STATE, run / PREVIOUS) if path.exists()]
    for path in paths:
        require_regular(path)
        sound = is_sound(path)
        if sound is None:
            print(f"{path} has no digest: it is of an older version, or damaged")
        state = _read_state(path) if sound is not False else None
        if state is not None:
            return state
        print(f"{path} is damaged; going on from the state before it")
    if paths:
        raise InputError(f"{run}: no training state there can be read; start again in a new folder")
    return None


def _read_state(path: Path) -> dict[str, Any] | None:
    """What is in a file of a state; None if it is none."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # whatever a truncated zip of pickles raises, with advice that is not ours
        return None
    return state if isinstance(state, dict) else None


def save_weights(
    weights: dict[str, Tensor], facts: dict[str, Any], run: Path, name: str = WEIGHTS
) -> None:
    """Write weights {parameter: tensor} as they are released, and `facts` about them, to `name`."""
    tensors = {name: tensor.contiguous() for name, tensor in weights.items()}
    # One entry: several are written in any order, and equal weights should be equal files.
    about = {"deepfacepencil": json.dumps({**facts, "sha256": _digest(tensors, facts)})}
    with atomic_path(run / name) as temporary:
        temporary.write_bytes(save(tensors, metadata=about))


def _digest(tensors: dict[str, Tensor], facts: dict[str, Any]) -> str:
    """SHA-256 of weights by name, kind, shape and value, and of what is said about them."""
    digest = hashlib.sha256(json.dumps(facts).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"\n{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def load_weights(run: Path, name: str = WEIGHTS) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What `save_weights` wrote to RUN/generator.safetensors: G_m, and the facts about it.

    Raises InputError if the file is absent, damaged or not ours. Files that do not say so are from
    when there was one model, of 256 px when it was finished.
    """
    path = run / name
    if not path.is_file():
        raise InputError(f"{path}: no such file; `deepfacepencil train` writes it to its --output")
    try:
        with safe_open(path, "pt") as file:
            facts = json.loads((file.metadata() or {})["deepfacepencil"])
        if not isinstance(facts, dict):
            raise ValueError("its facts are none")
        tensors, digest = load_file(path), facts.pop("sha256", None)
    except (SafetensorError, KeyError, ValueError, OSError) as problem:
        reason = str(problem).splitlines()[0][:80] if str(problem) else "cut"
        raise InputError(f"{path} is not a file of weights that we wrote ({reason})") from problem
    if digest is None:
        print(f"{path} has no digest: it is of an older version, or damaged")
    elif digest != _digest(tensors, facts):
        raise InputError(
            f"{path} is damaged: its digest is another; the same `deepfacepencil train` command"
            " writes it again"
        )
    return tensors, UNSAID | facts


def refuse_enhancer(run: Path, what: str) -> None:
    """Raises InputError if `run` trained an enhancer, which cannot be `what`."""
    if (run / ENHANCER_WEIGHTS).exists():
        raise InputError(
            f"{run} trained the enhancer, which cannot be {what} yet; give the run it went on from"
        )


def load_generator(run: Path) -> tuple[nn.Module, dict[str, Any]]:
    """What draws in a training of any model (models/build.py), and the facts about it.

    Called with sketches (B, 1, H, W) in {0..1}, facts["resolution"] pixels wide, it returns
    `Generated`: the photo (B, 3, H, W) in [-1, 1], and the attention where there is SAP. It is the
    moving average, in eval mode, without gradients. Raises InputError if the run has no weights, or
    none that fit the networks of this version.
    """
    weights, facts = load_weights(run)
    try:
        size = facts["width"], facts["cap"], facts["depth"]
        pooling = facts.get("pooling", WIDTHS_AT_256)
        generator = generators(facts["model"], *size, pooling)[1]
        generator.load_state_dict(weights)
    except (KeyError, RuntimeError, ValueError) as problem:
        reason = str(problem).splitlines()[0]
        raise InputError(f"{run / WEIGHTS} does not fit this version ({reason})") from problem
    return generator.requires_grad_(False).eval(), facts
