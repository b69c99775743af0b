"""Work on bytes from outside in a process of its own, which may take so long and so much, and dies.

No part of the paper. What a library hangs in, or fills the memory with, is ended from outside, and
the next piece of work gets a new process. A process is kept for many pieces of work, and begins
while its parent still has other things to do: neither waits for the other's imports.

The two talk through pipes: JSON of fixed shape and plain bytes, nothing that is unpickled.
"""

import json
import os
import select
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, BinaryIO

from .errors import InputError

# A scan of 50 megapixels computes for 4 seconds on a slow core. Others may compute beside it: what
# does not end by itself is ended by what it computes, and only what sleeps by the clock.
CPU_SECONDS, SECONDS = 10, 300
MEMORY = 1 << 30  # bytes more than the libraries take
_LENGTHS = struct.Struct("<II")

Answer = tuple[dict[str, Any], list[bytes]]


class Apart:
    """A process that runs `python -m MODULE`, whose main calls `serve`.

    Threads may share it: it does one piece of work at a time.
    """

    def __init__(self, module: str, seconds: float = SECONDS, niceness: int = 0) -> None:
        self._module, self._seconds, self._niceness = module, seconds, niceness
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False

    def begin(self) -> None:
        """Start the process, if none is there, without waiting for it; work does it too.

        Raises InputError after `close`.
        """
        if self._closed:
            raise InputError("nothing is read any more: the program ends")
        if self._process is None:
            self._process = subprocess.Popen(
                # -P: a file beside the drawings, such as json.py, is not for Python to import.
                [sys.executable, "-P", "-m", self._module, str(self._niceness)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                close_fds=True,
            )

    def __call__(self, name: str, data: bytes, **more: Any) -> Answer:
        """What the process makes of `data`; `name` is what an error calls it.

        Raises InputError if the process refuses, or has to be ended.
        """
        with self._lock:
            self.begin()
            process = self._process
            assert process and process.stdin and process.stdout
            late = threading.Timer(self._seconds, process.kill)
            late.daemon = True
            late.start()
            try:
                _send(process.stdin, {"name": name, **more}, [data])
                head, parts = _receive(process.stdout)
            except (OSError, EOFError, ValueError):
                self._end()
                raise InputError(
                    f"{name}: takes too long or too much memory to read: simplify the drawing, or"
                    " scale it down"
                ) from None
            except BaseException:  # Ctrl-C in the middle of an answer
                self._end()
                raise
            finally:
                late.cancel()
        if "refused" in head:
            raise InputError(str(head["refused"]))
        return head, parts

    def close(self) -> None:
        """End the process, for good; whoever waits for its answer is refused."""
        self._closed = True
        if process := self._process:
            process.kill()  # before its turn: the work at hand may take long
        with self._lock:
            self._end()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process:
            process.kill()
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    with suppress(OSError):  # what could not be said any more
                        pipe.close()
            process.wait()


def serve(work: Callable[[str, bytes, dict[str, Any]], Answer]) -> None:
    """In the process: do `work` on name, data and more, again and again, until the parent goes."""
    if hasattr(signal, "SIGINT"):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent
    if hasattr(os, "nice") and len(sys.argv) > 1:
        os.nice(int(sys.argv[1]))
    # Answers go where nobody's print can spoil them.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(2, 1)
    threading.Thread(target=_follow_parent, daemon=True).start()
    _bound_memory()
    while True:
        try:
            head, (data,) = _receive(sys.stdin.buffer)
        except EOFError:
            return
        _bound_time()
        name = head.pop("name")
        try:
            head, parts = work(name, data, head)
        except InputError as problem:
            head, parts = {"refused": str(problem)}, []
        except MemoryError:
            head, parts = {"refused": f"{name}: needs too much memory: scale it down"}, []
        except Exception as problem:
            reason = " ".join(f"{type(problem).__name__} {problem}".split())[:80]
            head, parts = {"refused": f"{name}: cannot be read ({reason}): save it again"}, []
        _send(answers, head, parts)
        if hasattr(signal, "alarm"):
            signal.alarm(0)


def _follow_parent() -> None:
    """Ends the process, whatever it is at work on, once nobody holds the other end of its pipe."""
    if hasattr(select, "poll"):  # not on Windows
        pipe = select.poll()
        pipe.register(sys.stdin.fileno(), 0)  # nothing but its end
        pipe.poll()
        os._exit(0)


def _bound_memory() -> None:
    try:
        import resource
    except ImportError:  # not on Windows
        return
    try:
        with open("/proc/self/statm", encoding="ascii") as statm:  # noqa: PTH123
            now = int(statm.read().split()[0]) * os.sysconf("SC_PAGESIZE")
    except OSError:  # not Linux
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY, now + MEMORY))


def _bound_time() -> None:
    """The system ends the process once this piece of work has computed, or slept, for so long."""
    if hasattr(signal, "alarm"):
        signal.alarm(2 * SECONDS)  # the parent ends it before, if it is still there
    try:
        import resource
    except ImportError:
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(
        resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + CPU_SECONDS + 1, hard)
    )


def _send(pipe: BinaryIO | Any, head: dict[str, Any], parts: Iterable[bytes]) -> None:
    parts = list(parts)
    text = json.dumps({**head, "lengths": [len(part) for part in parts]}).encode()
    pipe.write(_LENGTHS.pack(len(text), len(parts)) + text)
    for part in parts:
        pipe.write(part)
    pipe.flush()


def _receive(pipe: BinaryIO | Any) -> Answer:
    length, count = _LENGTHS.unpack(_exactly(pipe, _LENGTHS.size))
    head = json.loads(_exactly(pipe, length))
    lengths = head.pop("lengths")
    if len(lengths) != count:
        raise ValueError("another number of parts")
    return head, [_exactly(pipe, part) for part in lengths]


def _exactly(pipe: BinaryIO | Any, length: int) -> bytes:
    data: bytes = pipe.read(length)
    if len(data) < length:
        raise EOFError
    return data
