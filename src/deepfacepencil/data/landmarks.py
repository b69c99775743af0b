"""Landmarks of faces in photos and in drawings, by MediaPipe's face mesh.

They make the contour of Fig. 1, and tell where a drawing and its photo have their eyes, nose and
mouth (evaluation/faithfulness.py).
"""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps

from ..errors import missing_package

# The mesh was trained with photos. In lines as thin as our pen's it finds two faces of three, and
# none once they are deformed; in lines as wide as shadows in a photo (the darkest of so many
# pixels, and a blur, at 256 px) with paper around them nearly all, in wider ones some of the rest.
# Found in 82 sketches of val and test, at d = 0, 11, 20, 30: as they are 56, 40, 6, 0; with the
# first lines 81, 81, 76, 43; with both 82, 81, 80, 65. Eyes and mouths were then 0.04, 0.06, 0.08,
# 0.14 inter-ocular distances from those of the undeformed labels (photos: 0.05).
_DRAWING_SIZE = 256
_WIDER_LINES = ((5, 2), (7, 3))
_MARGIN = 64
# How sure the detector has to be that there is a face, and the mesh that it lies on one. A detector
# of photos is never sure of a drawing, so the mesh decides.
_SURE_OF_PHOTO, _SURE_OF_DRAWING = (0.5, 0.5), (0.1, 0.5)


def find_landmarks(image: NDArray[np.uint8], drawing: bool) -> NDArray[np.float64] | None:
    """Where the 478 points of MediaPipe's face mesh are in `image` (H, W, 3), or None for no face.

    (478, 2), x to the right and y downwards, in pixels; they may lie outside. The image is a photo,
    or a `drawing`, dark on white. Raises InputError without the `evaluate` extra.
    """
    if not drawing:
        return _find(image, *_SURE_OF_PHOTO)
    height, width = image.shape[:2]
    grey, scale = Image.fromarray(image).convert("L"), max(height, width) / _DRAWING_SIZE
    if scale != 1:
        grey = grey.resize((max(1, round(width / scale)), max(1, round(height / scale))))
    for widest, blur in _WIDER_LINES:
        wide = grey.filter(ImageFilter.MinFilter(widest)).filter(ImageFilter.GaussianBlur(blur))
        sheet = ImageOps.expand(wide, _MARGIN, 255).convert("RGB")
        found = _find(np.asarray(sheet), *_SURE_OF_DRAWING)
        if found is not None:
            return (found - _MARGIN) * (width / grey.width, height / grey.height)
    return None


def eyes() -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The landmarks of the left eye and of the right one. InputError as `find_landmarks`."""
    lines = _face_mesh()
    return points_of(lines.FACEMESH_LEFT_EYE), points_of(lines.FACEMESH_RIGHT_EYE)


def parts_of_face() -> dict[str, frozenset[tuple[int, int]]]:
    """{part: pairs of landmarks that are joined by a line}. InputError as `find_landmarks`."""
    lines = _face_mesh()
    return {
        "eyes": lines.FACEMESH_LEFT_EYE | lines.FACEMESH_RIGHT_EYE,
        "brows": lines.FACEMESH_LEFT_EYEBROW | lines.FACEMESH_RIGHT_EYEBROW,
        "nose": lines.FACEMESH_NOSE,
        "mouth": lines.FACEMESH_LIPS,
        "outline": lines.FACEMESH_FACE_OVAL,
    }


def points_of(lines: frozenset[tuple[int, int]]) -> NDArray[np.intp]:
    """The landmarks that are an end of one of `lines`, each once."""
    return np.unique(list(lines))


def _find(
    image: NDArray[np.uint8], sure_of_face: float, sure_of_mesh: float
) -> NDArray[np.float64] | None:
    with warnings.catch_warnings(action="ignore"):  # about its own use of protobuf
        faces = _mesh(sure_of_face, sure_of_mesh).process(np.ascontiguousarray(image))
    if not faces.multi_face_landmarks:
        return None
    height, width = image.shape[:2]
    points = faces.multi_face_landmarks[0].landmark
    return np.array([(point.x * width, point.y * height) for point in points])


@cache
def _mesh(sure_of_face: float, sure_of_mesh: float) -> Any:
    with _stderr_closed():
        mesh = _face_mesh().FaceMesh(
            static_image_mode=True,
            refine_landmarks=True,
            min_detection_confidence=sure_of_face,
            min_tracking_confidence=sure_of_mesh,
        )
        mesh.process(np.zeros((8, 8, 3), np.uint8))  # its threads have loaded the networks then
    return mesh


@cache
def _face_mesh() -> ModuleType:
    try:
        with _stderr_closed():
            from mediapipe.python.solutions import face_mesh
    except ModuleNotFoundError as missing:
        raise missing_package(missing.name, "evaluate") from missing
    return face_mesh


@contextmanager
def _stderr_closed() -> Iterator[None]:
    """MediaPipe's C++ writes to the file descriptor, whatever its settings for logs are."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
