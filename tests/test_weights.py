"""Parcels of weights: the file that was meant, or a line with the command that brings it."""

import hashlib
import zipfile
from pathlib import Path

import pytest

from deepfacepencil.errors import InputError
from deepfacepencil.weights import parcel

FILE, CONTENT = "some_face/data/weights.bin", b"a network"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in an installed some-face 1.2."""
    about = tmp_path / "some_face-1.2.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: some-face\nVersion: 1.2\n")
    path = tmp_path / FILE
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    monkeypatch.syspath_prepend(str(tmp_path))
    return path


def test_the_file_of_an_installed_package_is_found_without_importing_it(installed: Path) -> None:
    (installed.parents[1] / "__init__.py").write_text("raise RuntimeError")
    assert parcel("some-face", "1.2", FILE, DIGEST) == installed


def test_the_file_in_a_wheel_is_unpacked(tmp_path: Path) -> None:
    wheel = tmp_path / "some_face-1.2-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(FILE, CONTENT)
    path = parcel("some-face", "1.2", FILE, DIGEST, wheel)
    assert (path.name, path.read_bytes()) == ("weights.bin", CONTENT)
    with pytest.raises(InputError, match=r"some_face-1.2-py3-none-any\.whl: no wheel with other"):
        parcel("some-face", "1.2", "other", DIGEST, wheel)
    wheel.write_text("no wheel")
    with pytest.raises(InputError, match="no wheel with"):
        parcel("some-face", "1.2", FILE, DIGEST, wheel)


def test_what_is_missing_is_named_with_its_command(installed: Path) -> None:
    with pytest.raises(InputError, match=r"pip install --no-deps other-face==1\.2"):
        parcel("other-face", "1.2", FILE, DIGEST)
    with pytest.raises(InputError, match=r"1\.2 is installed; `pip install --no-deps some-face==2"):
        parcel("some-face", "2", FILE, DIGEST)
    installed.unlink()
    with pytest.raises(InputError, match=r"no such file; `pip install --no-deps some-face==1\.2"):
        parcel("some-face", "1.2", FILE, DIGEST)


def test_a_file_that_differs_is_never_used(installed: Path) -> None:
    installed.write_bytes(CONTENT + b"!")
    with pytest.raises(InputError, match=r"is not what some-face 1\.2 ships"):
        parcel("some-face", "1.2", FILE, DIGEST)
