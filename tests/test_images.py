"""Photos are read upright and in RGB, on the backdrop where they are transparent."""

import numpy as np
import pytest
from PIL import Image

from deepfacepencil.errors import InputError
from deepfacepencil.images import BACKDROP, read_photo


def test_photos_with_transparent_parts_stand_on_the_backdrop(tmp_path):
    cut_out = np.zeros((64, 64, 4), np.uint8)
    cut_out[16:48, 16:48] = (200, 0, 0, 255)
    Image.fromarray(cut_out).save(tmp_path / "cut.png")
    photo = np.asarray(read_photo(tmp_path / "cut.png", 64))
    assert tuple(photo[0, 0]) == BACKDROP
    assert tuple(photo[32, 32]) == (200, 0, 0)
    Image.fromarray(np.full((64, 64), 40_000, np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(InputError, match="16 bits"):
        read_photo(tmp_path / "deep.png", 64)


def test_photos_are_read_upright_and_rgb(tmp_path):
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[:32] = 255  # light above
    image = Image.fromarray(pixels)
    turned = Image.Exif()
    turned[0x0112] = 3  # stored upside down
    image.rotate(180).save(tmp_path / "turned.jpg", exif=turned)
    image.convert("L").save(tmp_path / "grey.png")
    image.convert("RGBA").save(tmp_path / "alpha.webp", lossless=True)
    image.convert("CMYK").save(tmp_path / "cmyk.jpg")
    for name in ("turned.jpg", "grey.png", "alpha.webp", "cmyk.jpg"):
        photo = np.asarray(read_photo(tmp_path / name, 32)).astype(int)
        assert photo.shape == (32, 32, 3), name
        assert photo[:12].min() > 240, name
        assert photo[20:].max() < 15, name
