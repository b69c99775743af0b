"""Landmarks: faces found in photos and in drawings, always in the same place."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from deepfacepencil.data import landmarks
from deepfacepencil.data.landmarks import find_landmarks, parts_of_face
from deepfacepencil.errors import InputError
from deepfacepencil.evaluation.faithfulness import faithfulness
from deepfacepencil.runtime.engine import Engine
from deepfacepencil.sketch.normalise import load_drawing
from deepfacepencil.sketch.pen import picture

pytest.importorskip("mediapipe")

DRAWING = Path(__file__).parents[2] / "examples" / "02-short-hair.svg"
LEFT_EYE, RIGHT_EYE, MOUTH = (362, 263), (33, 133), (61, 291)  # corners


def _drawn(size):
    return np.asarray(picture(load_drawing(DRAWING), size).convert("RGB"))


def test_a_drawing_and_its_photo_have_a_face_in_the_same_place():
    drawing = find_landmarks(_drawn(256), drawing=True)
    photo = find_landmarks(Engine()(load_drawing(DRAWING)).photo, drawing=False)
    assert drawing is not None and photo is not None
    assert drawing.shape == photo.shape == (478, 2)
    for found in (drawing, photo):  # where the training crop has them
        for corners, place in ((RIGHT_EYE, (96, 120)), (LEFT_EYE, (160, 120)), (MOUTH, (128, 190))):
            assert np.linalg.norm(found[list(corners)].mean(axis=0) - place) < 10
    assert faithfulness(drawing, photo)["all"] < 0.2


def test_landmarks_are_in_the_pixels_of_the_image_and_always_the_same():
    small, wide = find_landmarks(_drawn(256), drawing=True), np.full((512, 600, 3), 255, np.uint8)
    wide[:, 50:562] = _drawn(512)
    large = find_landmarks(wide, drawing=True)
    eyes = [*LEFT_EYE, *RIGHT_EYE]
    assert np.linalg.norm(large[eyes] - (2 * small[eyes] + (50, 0)), axis=1).max() < 20
    np.testing.assert_array_equal(find_landmarks(_drawn(256), drawing=True), small)


def test_a_photo_on_white_is_looked_at_as_a_photo():
    photo = Engine()(load_drawing(DRAWING)).photo
    sheet = np.full((512, 512, 3), 255, np.uint8)
    sheet[128:384, 128:384] = photo
    there, here = find_landmarks(sheet, drawing=False), find_landmarks(photo, drawing=False)
    assert faithfulness(here, there - 128)["all"] < 0.03


@pytest.mark.parametrize("noise", [0, 255])
def test_no_face_is_none(noise):
    rng = np.random.default_rng(0)
    image = 255 - rng.integers(0, noise + 1, (256, 256, 3)).astype(np.uint8)
    assert find_landmarks(image, drawing=True) is None
    assert find_landmarks(image, drawing=False) is None


def test_nothing_is_printed():
    program = (
        "import numpy as np\n"
        "from deepfacepencil.data.landmarks import find_landmarks\n"
        "find_landmarks(np.full((64, 64, 3), 255, np.uint8), True)\n"
        "find_landmarks(np.zeros((64, 64, 3), np.uint8), False)\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_without_the_extra_there_is_a_line_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    for name in [name for name in sys.modules if name.startswith("mediapipe.")]:
        monkeypatch.delitem(sys.modules, name)
    landmarks._face_mesh.cache_clear()
    with pytest.raises(InputError, match=r"pip install -e '\.\[evaluate\]'"):
        parts_of_face()
    landmarks._face_mesh.cache_clear()
