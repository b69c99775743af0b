"""Hostile drawings, messages and damaged bits, many: what they cost, and what came of them.

`python benchmarks/attack.py drawings 2000`, `... messages 2500` and `... flips 500 RUN MODEL`: on
this machine alone, bounded, and seeded, so that the attack is the same every time. delays.py has
what one drawer can do to another's frames.
"""

import asyncio
import contextlib
import io
import json
import random
import resource
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tqdm import trange

from deepfacepencil.errors import InputError
from deepfacepencil.runtime.reading import Reader

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.svg"))


def numbers(count: int, rng: random.Random) -> str:
    return " ".join(str(rng.uniform(-1e6, 1e6)) for _ in range(count))


LINE = '<path d="M99 99L400 400" stroke="#000" fill="none"/>'
BODIES = [
    lambda n, _: (
        f'<g id="a0">{LINE}</g>'
        + "".join(
            f'<g id="a{k + 1}"><use href="#a{k}"/><use href="#a{k}"/></g>' for k in range(n % 40)
        )
    ),
    lambda n, _: f'<path d="M9 9L99 99{"z" * (n * 300)}" stroke="#000"/>',
    lambda n, _: f"<style>{'a{' * (n * 900)}</style>{LINE}",
    lambda n, _: f"<style>{'@font-face{' * (n * 90)}</style>{LINE}",
    lambda n, _: f"<style>{'/*' * (n * 900)}</style>{LINE}",
    lambda n, _: f'<g opacity="{"0" * n * 900}x">{LINE}</g>',
    lambda n, _: f'<g style="{"fill:" * n * 300}">{LINE}</g>',
    lambda n, _: f'<g transform="{"rotate(1)" * n * 90}">{LINE}</g>',
    lambda n, _: "<g/>" * n * 400 + "<mask/>" * n * 400 + LINE,
    lambda n, _: "<g>" * n + LINE + "</g>" * n,
    lambda n, _: LINE.replace("fill", f'stroke-dasharray="{1 / n**3}" fill') * n,
    lambda n, _: LINE.replace("M99", f"M1e{n * 4}"),
    lambda n, rng: f'<polyline points="{numbers(400 * n, rng)}" stroke="#000"/>',
]
FRAME = {"id": 1, "strokes": [[100, 100, 200, 300]], "tolerance": 0.5, "veil": True}


def mangled(data: bytes, rng: random.Random) -> bytes:
    """With some bytes replaced, left out or repeated."""
    parts = bytearray(data)
    for _ in range(rng.randint(1, 6)):
        at, width = rng.randrange(len(parts) + 1), rng.choice([1, 2, 8, 300])
        parts[at : at + width] = rng.choice(
            [rng.randbytes(width), b"", bytes(parts[at : at + width]) * rng.choice([2, 50])]
        )
    return bytes(parts)


def drawing(rng: random.Random) -> bytes:
    """An example or an SVG that wants much, broken or not."""
    if rng.random() < 0.4:
        return mangled(rng.choice(EXAMPLES).read_bytes(), rng)
    body = rng.choice(BODIES)(rng.randint(1, 100), rng)
    text = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 512 512">{body}</svg>'.encode()
    return mangled(text, rng) if rng.random() < 0.2 else text


def drawings(count: int) -> None:
    """Read so many; print what they cost and what came of them."""
    rng, reader, came = random.Random(0), Reader(), Counter[str]()
    longest = 0.0
    for _ in trange(count, mininterval=5):
        data, start = drawing(rng), time.perf_counter()
        try:
            reader.with_picture(data, "it.svg", 256)
            came["drawn"] += 1
        except InputError as refusal:
            assert "\n" not in str(refusal)
            came[" ".join(str(refusal).split()[1:4])] += 1
        longest = max(longest, time.perf_counter() - start)
    reader.close()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        f"{count} drawings, longest {longest:.1f} s, largest process {used.ru_maxrss / 1e6:.2f} GB"
    )
    for what, times in came.most_common(12):
        print(f"{times:6d} {what}")


def messages(count: int) -> None:
    """Send so many to the render queue; print the longest and what came of them."""
    from deepfacepencil.studio import protocol
    from deepfacepencil.studio.render_queue import Client, Counts, RenderQueue

    class Blank:
        def __call__(self, *_: object) -> object:
            raise InputError("drawn")

    async def all_of_them() -> tuple[Counter[str], float]:
        rng, counts, came, longest = random.Random(0), Counts(), Counter[str](), 0.0
        queue, client = RenderQueue(Blank(), counts), Client(counts)  # type: ignore[arg-type]
        odd = [None, True, -1, 1e308, 2**70, "", "NaN", [], {}, [[]], [[None, 1]], 10**400]
        for _ in trange(count):
            message = {
                **FRAME,
                rng.choice([*FRAME, "brush", "seed", "size", "appearance"]): rng.choice(odd),
            }
            if rng.random() < 0.3:
                points = rng.choice([10, 1_000, 40_000, 90_000])
                message["strokes"] = [[rng.uniform(0, 512) for _ in range(20)]] * (points // 10)
            text = json.dumps(message)
            if rng.random() < 0.4:
                text = mangled(text[:20_000].encode(), rng).decode("latin-1")
            start = time.perf_counter()
            client.put(text)
            try:
                await queue.render_newest(client)
            except InputError as refusal:
                came[" ".join(str(refusal).split()[:3])] += 1
            longest = max(longest, time.perf_counter() - start)
        return came, longest

    came, longest = asyncio.run(all_of_them())
    print(f"{count} messages of at most {protocol.MAX_MESSAGE} bytes, longest {longest:.2f} s")
    for what, times in came.most_common(12):
        print(f"{times:6d} {what}")


def flips(count: int, run: str, model: str) -> None:
    """Single bits of copies of RUN's state and weights, MODEL and our heads: none is believed."""
    import torch

    from deepfacepencil.models.portrait_body import HEADS, load_taught
    from deepfacepencil.runtime.engine import Engine
    from deepfacepencil.training.checkpoint import STATE, WEIGHTS, load_state, load_weights

    def same(one: Any, other: Any) -> bool:
        if isinstance(one, torch.Tensor):
            return torch.equal(one, other)
        if isinstance(one, dict):
            return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
        if isinstance(one, list | tuple):
            return len(one) == len(other) and all(map(same, one, other))
        return bool(one == other)

    folder, rng = Path(tempfile.mkdtemp()), random.Random(0)
    kinds: dict[str, tuple[Path, Callable[[], Any]]] = {
        STATE: (Path(run, STATE), lambda: load_state(folder)),
        WEIGHTS: (Path(run, WEIGHTS), lambda: load_weights(folder)),
        "model.onnx": (Path(model), lambda: Engine(folder / "model.onnx").facts),
        HEADS.name: (HEADS, lambda: load_taught(folder / HEADS.name).probes),
    }
    for number, (name, (source, load)) in enumerate(kinds.items()):
        came, path = Counter[str](), folder / name
        shutil.copy(source, path)
        right = load()
        for _ in range(count // len(kinds) + (number < count % len(kinds))):
            bit = rng.randrange(8 * path.stat().st_size)
            with path.open("r+b") as file:
                file.seek(bit // 8)
                byte = file.read(1)[0]
                file.seek(bit // 8)
                file.write(bytes([byte ^ 1 << bit % 8]))
                file.flush()
                try:
                    with contextlib.redirect_stdout(io.StringIO()) as said:
                        loaded = load()
                    named = "damaged" in said.getvalue()
                    came["loaded as it was, with a word" if named else "loaded as it was"] += 1
                    if not same(right, loaded):
                        came["BELIEVED"] += 1
                except InputError as refusal:
                    assert str(path) in str(refusal) or str(folder) in str(refusal)
                    came["named"] += 1
                file.seek(bit // 8)
                file.write(bytes([byte]))
        print(name, dict(came), flush=True)
    shutil.rmtree(folder)


if __name__ == "__main__":
    verb, often, *others = sys.argv[1:]
    {"drawings": drawings, "messages": messages, "flips": flips}[verb](int(often), *others)
