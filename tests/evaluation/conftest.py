"""Untrained generators of absurd size, and drawings that nobody takes for a face."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageDraw

from deepfacepencil.models.build import Model, generators
from deepfacepencil.training.checkpoint import save_weights

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def make_run() -> Callable[..., Path]:
    """make_run(folder, model, resolution) -> the folder, with weights that nobody trained."""

    def make(folder: Path, model: Model = "ours", resolution: int = 32) -> Path:
        folder.mkdir(parents=True)
        torch.manual_seed(1)
        weights = generators(model, 4, 8, 5)[1].state_dict()
        facts = {"recipe": "tiny", "seed": 1, "model": model, "shown": [8], "width": 4, "cap": 8}
        save_weights(weights, facts | {"depth": 5, "resolution": resolution}, folder)
        return folder

    return make


@pytest.fixture(scope="session")
def drawings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a drawing, and with a folder of two."""
    folder = tmp_path_factory.mktemp("drawings")
    (folder / "circles").mkdir()
    for number, name in enumerate(("one.png", "circles/two.png", "circles/three.png")):
        image = Image.new("L", (200, 200), 255)
        ImageDraw.Draw(image).ellipse((20, 20 + 10 * number, 160, 180), outline=0, width=2)
        image.save(folder / name)
    return folder
