"""Made photos say so, in every format, to Pillow and to exiftool."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepfacepencil.provenance import SENTENCE, XMP, Made, save_made, saved_as

MADE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
EXIFTOOL = shutil.which("exiftool")


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    photo = Image.new("RGB", (32, 32), "pink")
    paths = [tmp_path / f"photo.{ending}" for ending in ("png", "webp", "jpg")]
    for path, kind in zip(paths, ("PNG", "WEBP", "JPEG"), strict=True):
        photo.save(path, **saved_as(kind))
    save_made(photo, tmp_path / "saved.png")
    in_memory = [tmp_path / f"own.{ending}" for ending in ("png", "webp", "jpg")]
    for path in in_memory:
        Made.of(np.zeros((32, 32, 3), np.uint8)).save(path)
    return [*paths, tmp_path / "saved.png", *in_memory]


def test_every_format_has_the_property(photos: list[Path]) -> None:
    for path in photos:
        with Image.open(path) as image:
            description = image.getxmp()["xmpmeta"]["RDF"]["Description"]
        assert description["DigitalSourceType"] == MADE


@pytest.mark.skipif(EXIFTOOL is None, reason="exiftool is not installed")
def test_exiftool_reads_it(photos: list[Path]) -> None:
    command = [EXIFTOOL or "", "-json", "-XMP:all", *map(str, photos)]
    read = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert len(read) == len(photos)
    for facts in read:
        assert "rained" in facts["DigitalSourceType"]  # newer ones give it words
        assert facts["Description"] == SENTENCE


def test_the_page_writes_the_same_words() -> None:
    page = Path("src/deepfacepencil/studio/page/provenance.js")
    text = (Path(__file__).parents[1] / page).read_text()
    block = text[text.index("export const XMP =") :]
    pieces = re.findall(r"""^ {2}(['"`])(.*)\1(?: \+|;)$""", block, re.MULTILINE)
    joined = "".join(piece for _, piece in pieces)
    joined = joined.replace("${SOFTWARE}", "DeepFacePencil").replace("${SENTENCE}", SENTENCE)
    assert joined.replace("\\ufeff", "\ufeff") == XMP
