"""Appearance: what lines cannot say of a face. Part of a network's condition, not in the paper.

Colours of regions, age and sex; whatever is None is left to the network, which draws it from what
fits the drawing.
"""

import re
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

COLOURS = ("skin", "hair", "lips", "clothes", "backdrop")
AGES = (0.0, 100.0)  # years
SEXES = (-1.0, 1.0)  # from female to male
# For each colour three channels in [-1, 1] and whether it is said; for age and sex one each.
CONDITION_SIZE = 4 * len(COLOURS) + 2 * 2

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Appearance:
    """What is asked for; None is left to the network."""

    skin: Colour | None = None  # sRGB, 0 to 255, the median colour of the region
    hair: Colour | None = None
    lips: Colour | None = None
    clothes: Colour | None = None
    backdrop: Colour | None = None
    age: float | None = None  # years
    sex: float | None = None  # -1 female to 1 male

    def condition(self) -> NDArray[np.float32]:
        """What a network sees, (CONDITION_SIZE,): values in [-1, 1], each with 1 for said.

        What is not said is zero.
        """
        values: list[float] = []
        for name in COLOURS:
            colour = getattr(self, name)
            values += [0, 0, 0, 0] if colour is None else [*(c / 127.5 - 1 for c in colour), 1]
        values += [0, 0] if self.age is None else [self.age / 50 - 1, 1]
        values += [0, 0] if self.sex is None else [self.sex, 1]
        return np.array(values, np.float32)

    def to_json(self) -> dict[str, Any]:
        """What is said of it, colours as "#rrggbb"; the opposite of `read_appearance`."""
        said = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: "#{:02x}{:02x}{:02x}".format(*value) if name in COLOURS else value
            for name, value in said.items()
            if value is not None
        }


def read_appearance(message: object) -> Appearance:
    """An appearance from outside: {"skin": "#c08a6a", "age": 40, ...}, each may be left out.

    Raises InputError, in words for people, for anything else.
    """
    if not isinstance(message, dict):
        raise InputError("appearance is no object")
    known = {field.name for field in fields(Appearance)}
    if unknown := sorted(str(name) for name in message.keys() - known):
        raise InputError(f"an appearance has no {unknown[0][:30]!r}")
    said: dict[str, Any] = {}
    for name, value in message.items():
        if value is None:
            continue
        if name in COLOURS:
            said[name] = read_colour(value)
        else:
            low, high = AGES if name == "age" else SEXES
            if type(value) not in (int, float) or not low <= value <= high:
                raise InputError(f"{name} is no number from {low:g} to {high:g}")
            said[name] = float(value)
    return Appearance(**said)


def read_colour(text: object) -> Colour:
    """sRGB of "#rrggbb"; raises InputError for anything else."""
    if not isinstance(text, str) or not re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        raise InputError(f"{str(text)[:30]!r} is no colour; write it as #rrggbb, such as #c08a6a")
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)
