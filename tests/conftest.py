"""Self-made data: schematic faces with all 19 classes, and photos of them.

And what the tests left running is named at their end, and fails the run: whoever waits for its end
would wait for that too.
"""

import faulthandler
import gc
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from deepfacepencil.data import photos
from deepfacepencil.data.prepare import Settings, prepare
from deepfacepencil.sketch.labels import CLASSES, PARTS

from .browsers import CHROMIUM, FIREFOX, Firefox, chromium

# The same examples every time, and no clock: the gate depends on the code alone.
settings.register_profile("gate", derandomize=True, deadline=None, max_examples=40)
settings.load_profile("gate")

# In the environment of whatever the tests start, and of what that starts.
_MARK = f"DEEPFACEPENCIL_TESTS={os.getpid()}-{time.monotonic_ns()}"
os.environ.update([_MARK.split("=")])
# Seconds for what is ending already.
_PATIENCE = float(os.environ.get("DEEPFACEPENCIL_TESTS_PATIENCE", 20))
_LAST = 120  # seconds for Python to end
_left_by_others: list[str] = []
# They end with this process, by a pipe and by torch: what passes its semaphores on, what compiles.
_ENDS_WITH_US = ("multiprocessing.resource_tracker", "torch/_inductor/compile_worker")


def _processes_left() -> dict[int, str]:
    """By number, the commands of our children, and of what carries our mark, that still run."""
    multiprocessing.active_children()  # forgets those that have ended
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            ours = int(parent) == os.getpid() or _MARK in (folder / "environ").read_text(
                errors="replace"
            ).split("\0")
            command = (folder / "cmdline").read_text(errors="replace").replace("\0", " ")
        except OSError:  # it has ended meanwhile, or is another user's
            continue
        number = int(folder.name)
        if ours and state not in "ZX" and number != os.getpid():
            found[number] = command
    return {n: said for n, said in found.items() if not any(s in said for s in _ENDS_WITH_US)}


def _threads_left() -> list[str]:
    """The threads that Python will wait for, but for those of pytest's own plugins.

    Nor those of pools without a name, which are none of ours, that have nothing to do: such a pool,
    of torch's compiler for one, ends with Python.
    """
    gc.collect()  # pools that nobody can reach end
    frames = sys._current_frames()

    def idle(thread: threading.Thread) -> bool:
        frame = frames.get(thread.ident or 0)
        waits = frame is not None and frame.f_code.co_name == "_worker"
        return thread.name.startswith("ThreadPoolExecutor-") and waits

    return [
        thread.name
        for thread in threading.enumerate()
        if not thread.daemon
        and thread not in (threading.main_thread(), *_threads_before)
        and not idle(thread)
    ]


def pytest_sessionstart() -> None:
    global _threads_before
    _threads_before = threading.enumerate()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Of pytest-xdist: one of the processes that share the tests has done."""
    _left_by_others.extend(getattr(node, "workeroutput", {}).get("left running", ()))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    left = list(_left_by_others)
    if not session.config.pluginmanager.has_plugin("dsession"):  # which only shares tests out
        left += _ended_by_force()
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left running"] = left
    elif left:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        terminal = session.config.get_terminal_writer()
        terminal.line("\nThe tests left running:\n" + "\n".join(left), red=True)


def _ended_by_force() -> list[str]:
    """What is left when the tests have ended, and soon after."""
    from deepfacepencil.runtime.reading import shared

    shared().close()  # ends with the command that reads, and this is not one
    end = time.monotonic() + _PATIENCE
    while (_processes_left() or _threads_left()) and time.monotonic() < end:
        time.sleep(0.1)
    left = [f"thread {name}" for name in _threads_left()]
    for number, command in _processes_left().items():
        left.append(f"process {number}: {command[:200]}")
        os.kill(number, signal.SIGKILL)
    return left


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Where Python does not end, it says where it waits, and the run fails."""
    if not hasattr(config, "workeroutput"):  # a process of pytest-xdist waits to be ended
        faulthandler.dump_traceback_later(_LAST, exit=True, file=2)


Labels = NDArray[np.uint8]

# (class, shape, box on the 512 canvas), from back to front. The face is left of the middle: when
# mirrored it is another.
_FACE = [
    ("hair", "ellipse", (90, 50, 390, 430)),
    ("neck", "rectangle", (190, 380, 290, 490)),
    ("cloth", "ellipse", (40, 460, 440, 620)),
    ("neck_l", "ring", (180, 420, 300, 470)),
    ("r_ear", "ellipse", (92, 230, 130, 310)),
    ("l_ear", "ellipse", (350, 230, 388, 310)),
    ("ear_r", "ellipse", (362, 312, 380, 350)),
    ("skin", "ellipse", (115, 110, 365, 430)),
    ("hat", "ellipse", (110, 20, 370, 150)),
    ("r_brow", "ellipse", (150, 195, 215, 212)),
    ("l_brow", "ellipse", (265, 195, 330, 212)),
    ("r_eye", "ellipse", (160, 228, 208, 252)),
    ("l_eye", "ellipse", (272, 228, 320, 252)),
    ("eye_g", "ring", (146, 216, 222, 268)),
    ("eye_g", "ring", (258, 216, 334, 268)),
    ("eye_g", "rectangle", (222, 236, 258, 244)),
    ("nose", "ellipse", (212, 250, 268, 320)),
    ("u_lip", "ellipse", (190, 340, 290, 372)),
    ("l_lip", "ellipse", (195, 358, 285, 394)),
    ("mouth", "ellipse", (200, 358, 280, 370)),
]


def _labels(seed: int = 0, size: int = 256, without: Collection[str] = ()) -> Labels:
    """A face, (size, size), a little different for every seed; parts `without` are left out."""
    rng = np.random.default_rng(seed)
    shift, scale = rng.uniform(-12, 12, 2), rng.uniform(0.9, 1.05, 2)
    image = Image.new("L", (size, size))
    draw = ImageDraw.Draw(image)
    for name, shape, box in _FACE:
        if name not in without:
            corners = (np.reshape(box, (2, 2)) * scale + shift + rng.uniform(-2, 2, 2)) * size / 512
            place, label = corners.ravel().tolist(), CLASSES.index(name)
            if shape == "ring":
                draw.ellipse(place, outline=label, width=max(2, size // 64))
            else:
                getattr(draw, shape)(place, fill=label)
    return np.array(image)


def _photo(labels: Labels) -> Image.Image:
    """A colour per class, lit from the right."""
    colours = np.random.default_rng(7).integers(40, 215, (len(CLASSES), 3))
    light = np.linspace(0.7, 1.1, labels.shape[1])[:, None]
    return Image.fromarray((colours[labels] * light).astype(np.uint8))


def _labelled_faces(folder: Path, n: int, size: int = 256, first: int = 0) -> Path:
    """`folder`/photos and `folder`/labels with n faces, 000 on, as `prepare photos` wants them."""
    for kind in ("photos", "labels"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    for seed in range(first, first + n):
        labels = _labels(seed, size)
        _photo(labels).save(folder / "photos" / f"{seed:03d}.jpg", quality=95)
        Image.fromarray(labels).save(folder / "labels" / f"{seed:03d}.png")
    return folder


def _celebamask(root: Path, numbers: Iterable[int]) -> Path:
    """Faces in the official layout of CelebAMask-HQ (photos smaller: 300 px)."""
    (root / "CelebA-HQ-img").mkdir(parents=True)
    for number in numbers:
        _photo(_labels(number, 300)).save(root / "CelebA-HQ-img" / f"{number}.jpg", quality=95)
        folder = root / "CelebAMask-HQ-mask-anno" / str(number // 2000)
        folder.mkdir(parents=True, exist_ok=True)
        labels = _labels(number, 512)
        for part in PARTS:
            mask = Image.fromarray(np.where(labels == CLASSES.index(part), 255, 0).astype(np.uint8))
            mask.save(folder / f"{number:05d}_{part}.png")
    return root


@pytest.fixture(scope="session")
def face_labels() -> Callable[..., Labels]:
    """face_labels(seed, size, without=()) -> the label map of a schematic face."""
    return _labels


@pytest.fixture(scope="session")
def labelled_faces() -> Callable[..., Path]:
    """labelled_faces(folder, n, size, first) -> the folder, with n photos and label maps."""
    return _labelled_faces


@pytest.fixture(scope="session")
def celebamask_faces() -> Callable[..., Path]:
    """celebamask_faces(root, numbers) -> the root, in the official layout."""
    return _celebamask


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A Chromium, as Playwright has it; skipped where one of both is not installed."""
    pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed")
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def firefox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    """A Firefox; skipped where it is not installed."""
    if not FIREFOX.exists():
        pytest.skip(f"{FIREFOX} is not installed")
    firefox = Firefox(tmp_path_factory.mktemp("profile"))
    yield firefox
    firefox.close()


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared folder, 256 px: 6 faces to train with, 2 in val, 2 in test. Not to be changed."""
    root = tmp_path_factory.mktemp("faces")
    for split, n, first in (("train", 6, 0), ("val", 2, 6), ("test", 2, 8)):
        _labelled_faces(root / split, n, first=first)
    output = tmp_path_factory.mktemp("prepared") / "data"
    prepare(photos.find(root, 0), Settings("photos", 256, False, 0), output, 1)
    return output


@pytest.fixture(scope="session")
def taught() -> Any:
    """The trained body of portraits, one thread; skipped where its package is not installed."""
    torch = pytest.importorskip("torch")
    from deepfacepencil.errors import InputError
    from deepfacepencil.models.portrait_body import shared

    torch.set_num_threads(1)
    try:
        return shared()
    except InputError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def generated(taught: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of six generated faces: 4 to train with, 1 in val, 1 in test. Not to be changed."""
    from deepfacepencil.data.generated import prepare_generated

    folder = tmp_path_factory.mktemp("generated") / "data"
    prepare_generated(6, 0, folder, 1)
    return folder
