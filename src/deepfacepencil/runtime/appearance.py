"""Appearance: what lines cannot say of a face. Part of a network's condition, not in the paper.

Colours of regions, age and sex; whatever is None is left to the network, which draws it from what
fits the drawing.
"""

import re
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ImageColor

from ..errors import InputError

COLOURS = ("skin", "hair", "lips", "clothes", "backdrop")
REGIONS = {  # the classes of labels whose colour it is
    "skin": ("skin", "nose"), "hair": ("hair",), "lips": ("u_lip", "l_lip"), "clothes": ("cloth",),
    "backdrop": ("background",),
}  # fmt: skip
AGES = (0.0, 100.0)  # years
SEXES = (-1.0, 1.0)  # from female to male
# For each colour three channels in [-1, 1] and whether it is said; for age and sex one each.
CONDITION_SIZE = 4 * len(COLOURS) + 2 * 2

Colour = tuple[int, int, int]

# What people call them; lips, clothes and backdrops have the names that colours have in CSS.
WORDS = {
    "skin": {"light": "#e6b899", "medium": "#b97d56", "dark": "#573422"},
    "hair": {
        "fair": "#cfa667", "blond": "#cfa667", "brown": "#5f412b", "black": "#1d1a19",
        "red": "#8a4526", "grey": "#9a9690", "white": "#dedad2",
        "pink": "#c9748f", "blue": "#3d5aa8", "green": "#3f7d5a", "purple": "#6c4a92",
    },
}  # fmt: skip
SEX_WORDS = {"female": SEXES[0], "male": SEXES[1]}


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

    def over(self, other: "Appearance") -> "Appearance":
        """What is said here, and where nothing is, what `other` says."""
        said = {name: value for name, value in asdict(self).items() if value is not None}
        return Appearance(**{**asdict(other), **said})

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


def appearance_said(**said: str | float | None) -> Appearance:
    """An appearance in people's words: hair="fair", skin="#c08a6a", sex="female", age=40, ...

    Raises InputError that lists the words for any other; None is left to the network.
    """
    values: dict[str, Any] = {name: value for name, value in said.items() if value is not None}
    for name, value in values.items():
        if not isinstance(value, str):
            continue
        word = value.lower()
        if name in COLOURS:
            values[name] = _colour_said(name, word)
        elif name == "sex":
            values[name] = SEX_WORDS[word] if word in SEX_WORDS else _number(word)
            if values[name] is None:
                raise InputError(f"sex {value[:30]!r} is none of female, male or -1 to 1")
    return read_appearance(values)


def _colour_said(name: str, word: str) -> str:
    """ "#rrggbb" of a word; InputError lists the words."""
    words = WORDS.get(name)
    if words is None and word in ImageColor.colormap:
        return "#{:02x}{:02x}{:02x}".format(*ImageColor.getrgb(word)[:3])
    colour = (words or {}).get(word, word)
    try:
        read_colour(colour)
    except InputError:
        known = ", ".join(words) if words else "a name such as navy or beige"
        raise InputError(f"{name} {word[:30]!r} is no colour: #rrggbb, {known}") from None
    return colour


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
