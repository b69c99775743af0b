"""Which precision a training computes in, by what the processor has (section 4.1 says nothing).

bfloat16 is twice as fast as single precision where the processor has instructions for it, and ten
to sixty times slower where it has not.
"""

from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path

import torch

_FLAGS = {"avx512_bf16", "amx_bf16"}


@cache
def has_bfloat16() -> bool:
    """Whether this processor computes in bfloat16 by instructions of its own."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # not Linux
        return False
    flags = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return bool(_FLAGS & set(flags.split())) or "bf16" in flags.split()


def autocast() -> AbstractContextManager[None]:
    """bfloat16 where it is fast, single precision elsewhere."""
    return torch.autocast("cpu", torch.bfloat16, enabled=has_bfloat16())
