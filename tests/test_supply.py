"""What comes from elsewhere: vendored code as it was, licences, versions with hashes."""

import hashlib
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
VENDOR = ROOT / "src/deepfacepencil/studio/page/vendor"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_vendored_code_is_what_it_says() -> None:
    table = (VENDOR / "README.md").read_text()
    listed = dict(re.findall(r"^\| (\S+\.js) .*`([0-9a-f]{64})` \|$", table, re.MULTILINE))
    assert set(listed) == {path.name for path in VENDOR.glob("*.js")}
    for name, digest in listed.items():
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == digest


def test_every_licence_that_is_named_has_its_text() -> None:
    named = PROJECT["license"].split(" AND ")
    assert named == ["Apache-2.0", "MIT", "LicenseRef-DeepFacePencil-Weights"]
    files = [path for pattern in PROJECT["license-files"] for path in ROOT.glob(pattern)]
    texts = " ".join(path.read_text() for path in files)
    for words in ("Apache License", "MIT License", "non-commercial"):
        assert words in texts


@pytest.mark.parametrize(
    ("file", "extras"), [("draw.txt", []), ("develop.txt", [*PROJECT["optional-dependencies"]])]
)
def test_what_is_needed_is_locked_with_hashes(file: str, extras: list[str]) -> None:
    locked = (ROOT / "requirements" / file).read_text().lower().replace("_", "-")
    needed = [*PROJECT["dependencies"]]
    needed += [line for extra in extras for line in PROJECT["optional-dependencies"][extra]]
    for line in needed:
        name = re.split(r"[<>=\[]", line.lower().replace("_", "-"))[0]
        if name in ("torch", "deepfacepencil"):  # no hash; ourselves
            continue
        hashed = rf"^{name}==\S+[^\n]*\\\n    --hash=sha256:"
        assert re.search(hashed, locked, re.MULTILINE), f"{name}: run `make lock`"
        assert "<" in line or "==" in line, f"{line}: a bound for the next major version"
