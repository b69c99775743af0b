"""`prepare`: both layouts, splits, backdrop, bad files, interruption (section 4.1, Data)."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from deepfacepencil.data import celebamask, photos
from deepfacepencil.data.dataset import FacePairs
from deepfacepencil.data.prepare import (
    Settings,
    on_backdrop,
    prepare,
    split_by_seed,
)
from deepfacepencil.errors import InputError
from deepfacepencil.images import BACKDROP
from deepfacepencil.sketch.drawn import Distortion
from deepfacepencil.sketch.labels import CLASSES

SETTINGS = Settings("photos", 64, False, 0)


def _files(folder, what="*/*/*"):
    """{path: content} of what was made."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.glob(what))}


def _manifest(output):
    return json.loads((output / "prepared.json").read_text())


def _prepare(root, output, settings=SETTINGS, workers=2):
    prepare(photos.find(root, settings.split_seed), settings, output, workers)
    return _files(output)


@pytest.fixture(scope="module")
def faces(tmp_path_factory, labelled_faces):
    """20 faces without a split. Not to be changed."""
    return labelled_faces(tmp_path_factory.mktemp("faces"), 20, 128)


@pytest.fixture(scope="module")
def made(faces, tmp_path_factory):
    """What is made of them."""
    return _prepare(faces, tmp_path_factory.mktemp("made") / "data")


# Both kinds, from end to end


def test_photos_without_a_split_get_one(faces, made, tmp_path, capsys):
    output = tmp_path / "data"
    assert _prepare(faces, output) == made
    assert _manifest(output) == {
        "settings": vars(SETTINGS),
        "complete": True,
        "photos": {"train": 18, "val": 1, "test": 1},
        "skipped": {},
    }
    assert len(FacePairs(output, "train", 64)) == 18
    assert "0 skipped" in capsys.readouterr().out
    assert not list(output.rglob("*.part"))


def test_a_split_that_exists_is_kept(labelled_faces, tmp_path):
    for split, n, first in (("train", 3, 0), ("val", 1, 1), ("test", 2, 4)):  # 001 is in two
        labelled_faces(tmp_path / "faces" / split, n, 64, first)
    made = _prepare(tmp_path / "faces", tmp_path / "data")
    assert {name.rsplit(".")[0] for name in made if "/photos/" in name} == {
        "train/photos/000", "train/photos/001", "train/photos/002",
        "val/photos/001", "test/photos/004", "test/photos/005",
    }  # fmt: skip
    assert _manifest(tmp_path / "data")["photos"] == {"train": 3, "val": 1, "test": 2}


def test_celebamask_across_two_mask_folders(celebamask_faces, face_labels, tmp_path):
    root = celebamask_faces(tmp_path / "CelebAMask-HQ", [0, 1998, 1999, 2000, 2001])
    for part in ("hat", "eye_g", "ear_r"):  # no files for parts that are absent
        (root / celebamask.MASKS / "1" / f"02000_{part}.png").unlink()
    sources = celebamask.find(root, 0)
    labels = {source.id: source.read_labels() for source in sources}
    assert (labels["01999"] == face_labels(1999, 512)).all()
    assert {CLASSES[i] for i in range(19)} - {CLASSES[i] for i in np.unique(labels["02000"])} == {
        "hat", "eye_g", "ear_r",
    }  # fmt: skip
    prepare(sources, Settings("celebamask", 256, False, 0), tmp_path / "data", 2)
    ids = [i for s in ("train", "val", "test") for i in FacePairs(tmp_path / "data", s, 256).ids]
    assert sorted(ids) == ["00000", "01998", "01999", "02000", "02001"]
    for triplet in FacePairs(tmp_path / "data", "train", 256, Distortion(d=0)):
        edges = np.hypot(*np.gradient(triplet.photo.astype(float).mean(0)))
        sketch = triplet.S_syn[0] > 127
        assert edges[sketch].mean() > 3 * edges[~sketch].mean()


def test_labels_and_photos_may_differ_in_size(labelled_faces, face_labels, tmp_path):
    root = labelled_faces(tmp_path / "faces", 3, 128)
    Image.fromarray(face_labels(0, 300)).save(root / "labels" / "000.png")
    _prepare(root, tmp_path / "data", Settings("photos", 64, True, 0))
    assert not _manifest(tmp_path / "data")["skipped"]


# Splits


@pytest.mark.parametrize(
    ("n", "sizes"),
    [
        (0, {}), (1, {"train": 1}), (2, {"train": 1, "val": 1}),
        (3, {"train": 1, "val": 1, "test": 1}), (40, {"train": 36, "val": 2, "test": 2}),
    ],
)  # fmt: skip
def test_split_sizes(n, sizes):
    assert Counter(split_by_seed([str(k) for k in range(n)], 0).values()) == sizes


def test_the_seed_decides_the_split():
    ids = [str(k) for k in range(100)]
    assert split_by_seed(ids, 0) == split_by_seed(ids, 0)
    assert split_by_seed(ids, 0) != split_by_seed(ids, 1)
    # Frozen: a test set that changed with a version would have been trained with.
    tests = [id for id, split in split_by_seed(ids, 0).items() if split == "test"]
    assert sorted(tests) == ["20", "36", "5", "82", "93"]


def test_no_photo_changes_its_split_when_others_come(labelled_faces, tmp_path):
    root = labelled_faces(tmp_path / "faces", 6, 64)
    _prepare(root, tmp_path / "data")
    labelled_faces(root, 20, 64, first=6)
    with pytest.raises(InputError, match=r"prepared from other photos or another split"):
        _prepare(root, tmp_path / "data")


# Resuming


def test_a_second_run_makes_only_what_is_missing(faces, made, tmp_path):
    output = tmp_path / "data"
    _prepare(faces, output)
    times = {path: path.stat().st_mtime_ns for path in output.glob("*/*/*")}
    gone = [next(output.glob("train/photos/*")), *list(output.glob("train/strokes/*"))[3:5]]
    for path in gone:
        path.unlink()
    stale = next(output.glob("train/photos")) / ".000.jpg.1.part"
    stale.write_text("of a run that was killed")
    assert _prepare(faces, output) == made
    ids = {path.stem for path in gone}
    for path, before in times.items():
        assert (path.stat().st_mtime_ns != before) == (path.stem in ids)
    assert not stale.exists()


def test_other_settings_and_other_folders_are_refused(faces, tmp_path):
    _prepare(faces, tmp_path / "data")
    for other in (Settings("photos", 32, False, 0), Settings("photos", 64, True, 0)):
        with pytest.raises(InputError, match="was prepared with"):
            _prepare(faces, tmp_path / "data", other)
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(InputError, match="not empty and not a prepared folder"):
        _prepare(faces, tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data", "thesis.txt"]
    with pytest.raises(InputError, match="at least 1"):
        _prepare(faces, tmp_path / "new", workers=0)


RUN = """
import resource, signal, sys
from pathlib import Path
from deepfacepencil.data import photos
from deepfacepencil.data.prepare import Settings, prepare
from deepfacepencil.errors import InputError
from deepfacepencil.images import BACKDROP
root, output, largest_file = sys.argv[1:]
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background ignores it
if largest_file != "any":
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(largest_file),) * 2)
try:
    prepare(photos.find(Path(root), 0), Settings("photos", 64, False, 0), Path(output), 2)
except KeyboardInterrupt:
    sys.exit(130)
except InputError as problem:
    sys.exit(str(problem))
"""


def _run(root, output, largest_file="any"):
    """`prepare` as a program of its own, with workers and a terminal's process group."""
    return subprocess.Popen(
        [sys.executable, "-c", RUN, root, output, largest_file],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


@pytest.fixture(scope="module")
def many(faces, tmp_path_factory):
    """160 faces (20, without the time to draw more), and what is made of them."""
    root, output = tmp_path_factory.mktemp("many"), tmp_path_factory.mktemp("whole") / "data"
    for folder in ("photos", "labels"):
        (root / folder).mkdir()
        for path in (faces / folder).iterdir():
            for k in range(8):
                os.link(path, root / folder / f"{k}-{path.name}")
    return root, _prepare(root, output), _manifest(output)


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_run_ends_cleanly_and_resumes(many, tmp_path, sent):
    root, complete, manifest = many
    output = tmp_path / "data"
    run = _run(root, output)
    while run.poll() is None and len(list(output.glob("*/strokes/*.npz"))) < 4:
        time.sleep(0.005)
    if sent == signal.SIGINT:
        os.killpg(run.pid, sent)  # as the terminal does: to the workers as well
    else:
        run.kill()  # the parent only; stderr ends when its last worker has ended
    _, stderr = run.communicate(timeout=20)
    assert run.returncode == (130 if sent == signal.SIGINT else -signal.SIGKILL)
    assert "Traceback" not in stderr

    half = _files(output, "*/*/[!.]*")
    assert half.items() < complete.items()
    if sent == signal.SIGINT:
        assert not list(output.rglob(".*"))
    with pytest.raises(InputError, match="half prepared"):
        FacePairs(output, "train", 64)
    assert _prepare(root, output) == complete
    assert _manifest(output) == manifest


# What cannot be used


def _break(root):
    """Five photos that cannot be used, each for a reason; returns what is said of each."""
    photo, labels = root / "photos", root / "labels"
    whole = (photo / "001.jpg").read_bytes()
    (photo / "001.jpg").write_bytes(whole[: len(whole) // 2])
    Image.new("L", (100, 90)).save(labels / "002.png")
    Image.fromarray(np.full((64, 64), 19, np.uint8)).save(labels / "003.png")
    (photo / "004.jpg").write_text("not a photo")
    Image.new("RGB", (100, 90)).save(photo / "005.jpg")
    Image.new("L", (64, 64)).save(labels / "006.png")
    (labels / "007.png").write_bytes(b"")
    Image.new("RGB", (64, 64), (1, 1, 1)).save(labels / "008.png")
    whole = (labels / "009.png").read_bytes()
    (labels / "009.png").write_bytes(whole[: len(whole) // 2])
    return {
        "001": "cannot be read", "002": "square", "003": "has label 19",
        "004": "no JPEG, PNG or WebP", "005": "100 x 90; crop it square", "006": "no boundary",
        "007": "no JPEG, PNG or WebP", "008": "one id a pixel", "009": "cannot be read",
    }  # fmt: skip


def test_bad_photos_are_skipped_and_named(faces, made, tmp_path, capsys):
    root, output = shutil.copytree(faces, tmp_path / "faces"), tmp_path / "data"
    reasons = _break(root)
    files = _prepare(root, output)
    assert files.items() < made.items()
    assert len(files) == len(made) - 2 * len(reasons)
    manifest = _manifest(output)
    assert manifest["complete"]
    assert sum(manifest["photos"].values()) == 20 - len(reasons)
    skipped = {name.split("/")[1]: problem for name, problem in manifest["skipped"].items()}
    assert skipped.keys() == reasons.keys()
    printed = capsys.readouterr().out
    assert f"{len(reasons)} skipped" in printed.splitlines()[-1]
    for id, reason in reasons.items():
        assert f"{id}." in skipped[id]
        assert reason in skipped[id]
        assert skipped[id] in printed

    # Once they are mended, the same command adds them.
    shutil.copytree(faces, root, dirs_exist_ok=True)
    assert _prepare(root, output) == made


def test_nothing_usable_is_an_error(labelled_faces, tmp_path):
    root = labelled_faces(tmp_path / "faces", 2, 64)
    for path in (root / "photos").iterdir():
        path.write_text("not a photo")
    with pytest.raises(InputError, match=r"no photo could be prepared.*00\d.jpg is no JPEG"):
        _prepare(root, tmp_path / "data")


def test_masks_of_another_size_are_skipped(celebamask_faces, tmp_path):
    root = celebamask_faces(tmp_path / "root", [7, 8, 9])
    Image.new("L", (256, 256)).save(root / celebamask.MASKS / "0" / "00008_hair.png")
    prepare(celebamask.find(root, 0), SETTINGS, tmp_path / "data", 1)
    (problem,) = _manifest(tmp_path / "data")["skipped"].values()
    assert "00008_hair.png is 256 x 256" in problem


def test_a_photo_without_labels_is_named_at_the_start(labelled_faces, tmp_path):
    root = labelled_faces(tmp_path, 3, 64)
    (root / "labels" / "001.png").unlink()
    with pytest.raises(InputError, match=f"^{root / 'photos' / '001.jpg'} has no"):
        photos.find(root, 0)


def test_the_same_for_celebamask(celebamask_faces, tmp_path):
    root = celebamask_faces(tmp_path / "root", [3, 2003])
    (root / celebamask.PHOTOS / "2003.jpg").rename(root / celebamask.PHOTOS / "2004.jpg")
    with pytest.raises(InputError, match=r"02003_\w+.png has no photo .*2003.jpg"):
        celebamask.find(root, 0)
    shutil.copy(root / celebamask.PHOTOS / "2004.jpg", root / celebamask.PHOTOS / "2003.jpg")
    with pytest.raises(InputError, match=r"2004.jpg has no masks in .*anno/1"):
        celebamask.find(root, 0)


def test_two_photos_of_one_name_are_refused(labelled_faces, tmp_path):
    root = labelled_faces(tmp_path, 3, 64)
    shutil.copy(root / "photos" / "001.jpg", root / "photos" / "001.jpeg")
    with pytest.raises(InputError, match=r"001.jpg and .*001.jpeg have one name"):
        photos.find(root, 0)


def test_one_label_map_too_many_stops_nothing(labelled_faces, tmp_path, capsys):
    root = labelled_faces(tmp_path, 3, 64)
    shutil.copy(root / "labels" / "001.png", root / "labels" / "extra.PNG")
    (root / "labels" / "002.png").rename(root / "labels" / "002.PNG")
    assert len(photos.find(root, 0)) == 3
    assert "extra.PNG: it has no photo" in capsys.readouterr().out


def test_names_that_two_systems_write_differently_are_one(labelled_faces, tmp_path):
    root = labelled_faces(tmp_path, 3, 64)
    (root / "photos" / "001.jpg").rename(root / "photos" / "Zo\u00eb.jpg")
    (root / "labels" / "001.png").rename(root / "labels" / "Zoe\u0308.png")
    assert len(photos.find(root, 0)) == 3


def test_label_maps_that_were_smoothed_or_saved_as_jpeg_are_refused_in_words(tmp_path):
    labels = np.zeros((128, 128), np.uint8)
    labels[30:100, 30:100] = 13
    labels[50:80, 50:80] = 1
    Image.fromarray(labels).save(tmp_path / "good.png")
    assert (photos.read_labels(tmp_path / "good.png") == labels).all()
    smooth = Image.fromarray(labels).resize((512, 512), Image.Resampling.BILINEAR)
    smooth.save(tmp_path / "smooth.png")
    with pytest.raises(InputError, match="was smoothed"):
        photos.read_labels(tmp_path / "smooth.png")


@pytest.mark.parametrize("find", [photos.find, celebamask.find])
def test_empty_and_missing_folders(find, tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        find(tmp_path / "missing", 0)
    with pytest.raises(InputError, match=f"{tmp_path}"):
        find(tmp_path, 0)
    for folder in ("photos", "labels", celebamask.PHOTOS, celebamask.MASKS):
        (tmp_path / folder).mkdir()
    with pytest.raises(InputError, match="no photos"):
        find(tmp_path, 0)


@pytest.mark.skipif(os.name != "posix", reason="limits")
def test_a_disk_that_takes_no_more_is_one_line(faces, made, tmp_path):
    # No disk to fill here, but files that may not grow: the same error in the same place.
    output = tmp_path / "data"
    run = _run(faces, output, "1500")
    _, stderr = run.communicate(timeout=60)
    assert run.returncode == 1
    assert f"{output} cannot be written (File too large)" in stderr.splitlines()[-1]
    assert "Traceback" not in stderr
    assert not list(output.rglob("*.part"))
    assert _files(output).items() < made.items()
    assert _prepare(faces, output) == made


# Photos


def test_backdrop_replaces_the_background_softly(face_labels):
    labels = face_labels(0)
    photo = Image.fromarray(np.full((256, 256, 3), (200, 30, 60), np.uint8))
    cut = np.asarray(on_backdrop(photo, labels)).astype(int)
    distance = _distance_to_edge(labels > 0)
    assert (cut[(labels == 0) & (distance > 4)] == BACKDROP).all()
    assert (cut[(labels > 0) & (distance > 4)] == (200, 30, 60)).all()
    edge = cut[distance <= 1][:, 1]
    assert 60 < edge.mean() < 205
    assert np.ptp(cut[128, :, 1][:-1] - cut[128, 1:, 1]) < 200  # no step from one to the other


def _distance_to_edge(person):
    from scipy.ndimage import distance_transform_edt

    return np.where(person, distance_transform_edt(person), distance_transform_edt(~person))


def test_backdrop_is_an_option_of_prepare(faces, made, tmp_path):
    with_backdrop = _prepare(faces, tmp_path / "data", Settings("photos", 64, True, 0))
    for name, content in made.items():
        assert (with_backdrop[name] == content) == ("/strokes/" in name)
    corner = np.asarray(Image.open(next((tmp_path / "data").glob("train/photos/*"))))[:4, :4]
    assert np.abs(corner.astype(int) - BACKDROP).max() <= 2
