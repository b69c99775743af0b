"""A prepared folder of a few painted faces, made without photos."""

import json
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image

from deepfacepencil.data.prepare import MANIFEST, Settings, save_strokes
from deepfacepencil.sketch.labels import CLASSES
from deepfacepencil.sketch.trace import trace_labels
from deepfacepencil.training.recipes import CLASSIFIER, STAGE_1, STAGE_2, STAGE_3, TINY, Phase

SIZE = 64  # pixels of the stored photos
PER_SPLIT = {"train": 5, "val": 2}

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("prepared")
    rng = np.random.default_rng(0)
    settings = Settings("photos", SIZE, backdrop=False, split_seed=0)
    manifest = {"settings": vars(settings), "complete": True}
    (folder / MANIFEST).write_text(json.dumps(manifest))
    for split, count in PER_SPLIT.items():
        for kind in ("photos", "strokes"):
            (folder / split / kind).mkdir(parents=True)
        for number in range(count):
            save_strokes(trace_labels(_labels(rng)), folder / split / "strokes" / f"{number}.npz")
            _gradient(rng).save(folder / split / "photos" / f"{number}.jpg", quality=95)
    return folder


@pytest.fixture(scope="session")
def short():
    """TINY in fewer steps: 3, 3, 3, 3 and, still in stage 3, 2."""
    phases = [Phase(stage, 32, 6, 2) for stage in (CLASSIFIER, STAGE_1, STAGE_2, STAGE_3)]
    return replace(TINY, phases=(*phases, Phase(STAGE_3, 32, 4, 2)))


def _labels(rng: np.random.Generator) -> np.ndarray:
    y, x = np.mgrid[:128, :128]
    labels = np.zeros((128, 128), np.uint8)
    dx, dy = rng.uniform(-6, 6, 2)
    for part, cx, cy, rx, ry in (
        ("hair", 64, 56, 46, 50),
        ("skin", 64, 70, 32, 42),
        ("l_eye", 78, 60, 7, 4),
        ("r_eye", 50, 60, 7, 4),
        ("mouth", 64, 92, 12, 5),
    ):
        inside = ((x - cx - dx) / rx) ** 2 + ((y - cy - dy) / ry) ** 2 < 1
        labels[inside] = CLASSES.index(part)
    return labels


def _gradient(rng: np.random.Generator) -> Image.Image:
    ramp = np.linspace(0, 1, SIZE)
    start, right, down = rng.uniform(0, 85, (3, 3))
    photo = start + ramp[:, None, None] * down + ramp[None, :, None] * right
    return Image.fromarray(photo.astype(np.uint8))


@pytest.fixture
def stopping_after(monkeypatch: pytest.MonkeyPatch):
    """stopping_after(module, n): Ctrl-C comes after its n-th saving; gives the steps it saves."""

    def stop_after(module: ModuleType, count: int) -> list[int]:
        write, steps = module.save_state, []

        def save(state: dict, run: Path) -> None:
            write(state, run)
            steps.append(state["step"])
            if len(steps) == count:
                raise KeyboardInterrupt

        monkeypatch.setattr(module, "save_state", save)
        monkeypatch.setattr(module, "SAVE_EVERY", 1)
        return steps

    return stop_after
