"""What `make lock` runs: exact versions and hashes of all that this project installs.

Three files: draw.txt for drawing, web.txt for the static site besides, develop.txt for training,
measuring and tests. torch and what only
torch needs are left out of them: `torch==2.13.0` is another file on every index (for this GPU, for
that, for none), and each has its own hash.
"""

import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
WEB = ("web",)
EXTRAS = (*WEB, "train", "autotrace", "evaluate", "tensorboard", "formats", "dev")
UNHASHED = re.compile(r"(torch|triton|cuda-[\w-]+|nvidia-[\w-]+)==")
HEAD = "# Written by `make lock`: every version, with the hashes of its files. Not to be edited.\n"


def lock(name: str, extras: tuple[str, ...]) -> None:
    given = "".join(f"--extra={extra} " for extra in extras).split()
    command = ["uv", "pip", "compile", "--universal", "--python-version=3.11", "--quiet"]
    command += ["--generate-hashes", "--no-header", "--no-annotate", *given]
    command += ["pyproject.toml", str(HERE / "build.in"), "--constraint", str(HERE / "torch.in")]
    found = subprocess.run(
        [sys.executable, "-m", *command], check=True, capture_output=True, text=True
    ).stdout
    blocks = re.split(r"^(?=\S)", found, flags=re.MULTILINE)
    kept = [block for block in blocks if not UNHASHED.match(block)]
    (HERE / name).write_text(HEAD + "".join(kept))


if __name__ == "__main__":
    lock("draw.txt", ())
    lock("web.txt", WEB)
    lock("develop.txt", EXTRAS)
