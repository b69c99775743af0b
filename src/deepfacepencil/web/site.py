"""The studio as a static site: the page, the model and onnxruntime-web in one folder.

The page is the studio's own with one line changed (page/source.js). Everything is named by what is
in it, so that browsers keep it as long as it is the same; nothing is fetched, here or by the page.
"""

import gzip
import hashlib
import io
import json
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import resvg_py
from PIL import Image

from ..errors import InputError
from ..provenance import saved_as
from ..runtime.engine import RESOLUTION, Engine
from ..sketch import svg
from ..sketch.pen import picture
from ..studio.guard import HEADERS
from ..studio.opening import EXAMPLES, examples
from ..studio.server import PAGE
from .eight_bits import for_the_web

# What of onnxruntime-web each way to draw wants: the library, what joins it to the binary, that.
RUNTIMES = {
    "wasm": ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"),
    "webgpu": (
        "ort.webgpu.min.mjs",
        "ort-wasm-simd-threaded.asyncify.mjs",
        "ort-wasm-simd-threaded.asyncify.wasm",
    ),
}
_ONLY_THE_SERVERS = ("local.js", "index.html", "vendor/README.md", "web/sw.js")
_LARGE = (".gz",)  # brought by the page itself, with a bar that shows it
_TRIED = 4  # drawings that the smaller model is compared on
_PREVIEW = (1200, 630)  # pixels of the picture that a link to the site is shown with
_ICONS = (192, 512)
NAME, SENTENCE = "DeepFacePencil", "Draw a face; the photo beside it follows the pen."
COLOUR = "#1f5f5b"  # of the icon


class Written(NamedTuple):
    """What was written."""

    bytes: int  # of all files that a first visit without a graphics card brings
    distance: float  # between the photos of the site and the engine's, in grey levels


def write_site(output: Path, model: Path, runtime: Path, address: str | None = None) -> Written:
    """Writes the site to `output`, in the place of an older one, whole or not at all.

    `runtime` is the folder of the npm package onnxruntime-web; `address` is where the site will be,
    which some readers of link previews want. Raises InputError for what cannot be used.
    """
    missing = [name for names in RUNTIMES.values() for name in names]
    missing = [name for name in missing if not (runtime / "dist" / name).is_file()]
    if missing:
        raise InputError(f"{runtime}: has no {missing[0]}; `make web` gets onnxruntime-web")
    if output.exists() and not (output / "sw.js").is_file() and any(output.iterdir()):
        raise InputError(f"{output}: holds something else; choose another --output")
    engine = Engine(model)
    if not engine.listens:
        raise InputError(f"{model}: is of the paper's networks; the site draws with portrait ones")
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=f".{output.name}.") as folder:
        site = Path(folder) / "site"
        written = _write(site, model, engine, runtime / "dist", address)
        if output.exists():
            shutil.rmtree(output)
        site.rename(output)
    return written


def _write(site: Path, model: Path, engine: Engine, runtime: Path, address: str | None) -> Written:
    site.mkdir(mode=0o755)
    drawings = [svg.load(path) for path in sorted(EXAMPLES.glob("*.svg"))[:_TRIED]]
    path = site.with_name("model.onnx")
    distance = for_the_web(model, path, drawings)
    files: dict[str, object] = {"model": _packed(site, "model.onnx", path.read_bytes())}
    files["runtime"] = {
        name: {
            "library": _named(site, library, (runtime / library).read_bytes()),
            "glue": _named(site, glue, (runtime / glue).read_bytes()),
            "binary": _packed(site, binary, (runtime / binary).read_bytes()),
        }
        for name, (library, glue, binary) in RUNTIMES.items()
    }
    page = _page(files)
    folder = f"page-{_digest(*page.values())}"
    for name, data in page.items():
        path = site / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    about = _icons(site) | {"preview": _named(site, "preview.jpg", _preview(engine))}
    about["manifest"] = _named(site, "manifest.webmanifest", _manifest(about))
    (site / "index.html").write_text(_index(folder, about, address), "utf-8")
    (site / "README.md").write_text(_readme(about), "utf-8")
    kept = sorted(
        path.relative_to(site).as_posix()
        for path in site.rglob("*")
        if path.is_file() and path.suffix not in _LARGE and path.name not in _UNKEPT
    )
    (site / "sw.js").write_text(_service_worker(site, ["./", *kept]), "utf-8")
    first = [path for path in site.rglob("*") if path.is_file() and "asyncify" not in path.name]
    return Written(sum(path.stat().st_size for path in first), distance)


_UNKEPT = ("index.html", "README.md", "sw.js")  # of these the first is kept as "./"


def _digest(*data: bytes) -> str:
    digest = hashlib.sha256()
    for each in data:
        digest.update(len(each).to_bytes(8, "big") + each)
    return digest.hexdigest()[:10]


def _named(site: Path, name: str, data: bytes) -> str:
    """Writes a file, and says under which name: what is in it is in its name."""
    stem, _, kind = name.rpartition(".")
    # Not every host knows that .mjs is JavaScript.
    name = f"{stem}-{_digest(data)}.{'js' if kind == 'mjs' else kind}"
    (site / name).write_bytes(data)
    return name if kind != "mjs" else f"../{name}"


def _packed(site: Path, name: str, data: bytes) -> dict[str, object]:
    """Writes a large file so that every host serves it small, and says what it is."""
    packed = gzip.compress(data, 6, mtime=0)
    return {
        "address": f"../{_named(site, f'{name}.gz', packed)}",
        "bytes": len(packed),
        "whole": len(data),
    }


def _page(files: Mapping[str, object]) -> dict[str, bytes]:
    """The page's files as they are, one line changed, and what only a site has."""
    page = {
        name: path.read_bytes()
        for path in sorted(PAGE.rglob("*"))
        if path.is_file() and (name := path.relative_to(PAGE).as_posix()) not in _ONLY_THE_SERVERS
    }
    source = page["source.js"].decode()
    page["source.js"] = source.replace('from "./local.js"', 'from "./web.js"').encode()
    version = _digest(json.dumps(files).encode(), *page.values())
    page["web/files.js"] = (
        "// Written by `deepfacepencil web`: the large files, and this version.\n\n"
        f"export const FILES = {json.dumps(files, indent=2)};\n"
        f'export const VERSION = "{version}";\n'
    ).encode()
    page["web/examples.json"] = json.dumps(examples(), separators=(",", ":")).encode()
    return page


def _icons(site: Path) -> dict[str, str]:
    """The icon as the pictures that systems want for an installed page."""
    drawn = (PAGE / "icon.svg").read_text("utf-8")
    full = re.sub(r' rx="\d+"', "", drawn, count=1)  # masks round the corners themselves
    icons = {f"icon{size}": (drawn, size) for size in _ICONS}
    icons |= {"maskable": (full, 512), "touch": (full, 180)}
    return {
        name: _named(site, f"{name}.png", bytes(resvg_py.svg_to_bytes(text, width=size)))
        for name, (text, size) in icons.items()
    }


def _manifest(icons: Mapping[str, str]) -> bytes:
    def icon(name: str, size: int, purpose: str) -> dict[str, str]:
        sizes = f"{size}x{size}"
        return {"src": icons[name], "sizes": sizes, "type": "image/png", "purpose": purpose}

    manifest = {
        "name": NAME,
        "short_name": NAME,
        "description": SENTENCE,
        "start_url": "./",
        "scope": "./",
        "display": "standalone",
        "background_color": "#ffffff",
        "theme_color": COLOUR,
        "icons": [icon(f"icon{size}", size, "any") for size in _ICONS]
        + [icon("maskable", 512, "maskable")],
    }
    return json.dumps(manifest, indent=2).encode()


def _preview(engine: Engine) -> bytes:
    """A drawing and its photo side by side, as JPEG."""
    strokes = svg.load(sorted(EXAMPLES.glob("*.svg"))[0])
    sheet = Image.new("RGB", _PREVIEW, "#f4f1ec")
    side = _PREVIEW[1] - 60
    photo = Image.fromarray(engine(strokes, size=2 * RESOLUTION).photo)
    for column, made in enumerate((picture(strokes, 2 * RESOLUTION), photo)):
        shown = made.convert("RGB").resize((side, side), Image.Resampling.LANCZOS)
        sheet.paste(shown, ((_PREVIEW[0] - 2 * side) // 2 + column * (side + 20) - 10, 30))
    file = io.BytesIO()
    sheet.save(file, **saved_as("JPEG"), quality=85, optimize=True)
    return file.getvalue()


def _policy() -> str:
    """The studio's, with what a page needs that draws by itself; others may show it in a frame."""
    said = dict(part.strip().split(" ", 1) for part in HEADERS[_CSP].split(";"))
    del said["frame-ancestors"]
    said["script-src"] += " 'wasm-unsafe-eval'"
    said |= {"worker-src": "'self'", "manifest-src": "'self'"}
    return "; ".join(f"{name} {value}" for name, value in said.items())


_CSP = "Content-Security-Policy"


def _index(folder: str, about: Mapping[str, str], address: str | None) -> str:
    """The page that a browser loads first: the studio's, with the site's names."""
    html = (PAGE / "index.html").read_text("utf-8")
    for name in ("icon.svg", "studio.css", "app.js"):
        html = re.sub(rf'(href|src)="{re.escape(name)}"', rf'\1="{folder}/{name}"', html)
    preview = f"{address.rstrip('/')}/{about['preview']}" if address else about["preview"]
    head = [
        f'<meta http-equiv="{_CSP}" content="{_policy()}">',
        '<meta name="referrer" content="no-referrer">',
        f'<meta name="theme-color" content="{COLOUR}">',
        f'<link rel="manifest" href="{about["manifest"]}">',
        f'<link rel="apple-touch-icon" href="{about["touch"]}">',
        f'<meta property="og:title" content="{NAME}">',
        f'<meta property="og:description" content="{SENTENCE}">',
        '<meta property="og:type" content="website">',
        f'<meta property="og:image" content="{preview}">',
        '<meta name="twitter:card" content="summary_large_image">',
    ]
    # The policy first: it holds for what comes after it.
    return html.replace('<meta charset="utf-8">', "\n".join(['<meta charset="utf-8">', *head]), 1)


def _service_worker(site: Path, files: list[str]) -> str:
    index = (site / "index.html").read_bytes()
    facts = {"version": _digest(index, *(f.encode() for f in files)), "files": files}
    own = (PAGE / "web" / "sw.js").read_text("utf-8")
    return f"const SITE = {json.dumps({**facts, 'policy': _policy()}, indent=2)};\n\n{own}"


def _readme(about: Mapping[str, str]) -> str:
    """What a Hugging Face Space reads first, and what people do."""
    return f"""---
title: {NAME}
emoji: ✏️
colorFrom: green
colorTo: gray
sdk: static
app_file: index.html
pinned: false
license: other
short_description: {SENTENCE}
thumbnail: {about["preview"]}
custom_headers:
  cross-origin-opener-policy: same-origin
  cross-origin-embedder-policy: require-corp
  cross-origin-resource-policy: cross-origin
---

# {NAME}

{SENTENCE} Everything happens in the browser: no server, no account, nothing leaves the machine.

1. Copy this folder to any web host, below any path: it is files only, with relative links.
2. It wants https, or localhost: `python3 -m http.server` in this folder is enough to try it.
3. Serve every file under its own name; names change when what is in them does, but for
   `index.html`, `sw.js` and this file: let browsers ask anew for these (`Cache-Control: no-cache`).
4. With the three headers above the photos are drawn by several threads at once; where a host
   cannot send them (GitHub Pages), the service worker adds them from the second load on.
5. Files that end in `.gz` are to be served as they are.
6. After the first load it works without a network, and can be installed.

The weights are for non-commercial research; the code is Apache-2.0, onnxruntime-web is MIT.
"""
