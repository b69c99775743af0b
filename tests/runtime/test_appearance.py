"""What lines cannot say: from outside, in words, and as a network gets it."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deepfacepencil import Appearance, InputError
from deepfacepencil.runtime.appearance import (
    COLOURS,
    CONDITION_SIZE,
    appearance_said,
    read_appearance,
)

FAIR = (207, 166, 103)
colours = st.none() | st.tuples(*[st.integers(0, 255)] * 3)
appearances = st.builds(
    Appearance,
    **dict.fromkeys(COLOURS, colours),
    age=st.none() | st.floats(0, 100),
    sex=st.none() | st.floats(-1, 1),
)


@given(appearances)
@example(Appearance(age=0, sex=-1))
@example(Appearance(age=100, sex=1))
def test_what_is_written_is_read(said: Appearance) -> None:
    assert read_appearance(said.to_json()) == said


@given(appearances)
def test_a_network_gets_each_thing_with_whether_it_is_said(said: Appearance) -> None:
    expected = []
    for colour in (said.skin, said.hair, said.lips, said.clothes, said.backdrop):
        expected += [0] * 4 if colour is None else [*(np.array(colour) / 255 * 2 - 1), 1]
    expected += [0, 0] if said.age is None else [(said.age - 50) / 50, 1]
    expected += [0, 0] if said.sex is None else [said.sex, 1]
    condition = said.condition()
    assert (condition.shape, condition.dtype) == ((CONDITION_SIZE,), np.float32)
    np.testing.assert_allclose(condition, expected, atol=1e-6)


@given(appearances, appearances)
def test_what_is_said_goes_before_what_was(said: Appearance, other: Appearance) -> None:
    both = said.over(other)
    for name in Appearance.__annotations__:
        first, second = getattr(said, name), getattr(other, name)
        assert getattr(both, name) == (second if first is None else first)


@pytest.mark.parametrize(
    ("said", "named"),
    [
        (["skin"], "no object"),
        ({"nose": "#000000"}, "no 'nose'"),
        *(({"skin": colour}, "is no colour") for colour in (7, "c08a6a", "#c08a6a0", "#c08a6g")),
        *(({"age": age}, "from 0 to 100") for age in (-0.1, 100.1, "40", True, float("nan"))),
        *(({"sex": sex}, "from -1 to 1") for sex in (-1.1, 1.1, [0])),
    ],
)
def test_what_is_no_appearance_is_refused(said: object, named: str) -> None:
    with pytest.raises(InputError, match=named):
        read_appearance(said)


def test_words_are_colours() -> None:
    said = appearance_said(
        hair="Fair", skin="dark", clothes="navy", sex="female", age=30, lips=None
    )
    assert said.hair == FAIR
    assert said.skin is not None
    assert max(said.skin) < 128
    assert said.clothes == (0, 0, 128)
    assert (said.sex, said.age, said.lips) == (-1, 30, None)
    assert appearance_said(sex="0.5", backdrop="#0a0b0c") == Appearance(
        sex=0.5, backdrop=(10, 11, 12)
    )


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ({"hair": "plaid"}, "fair"),
        ({"skin": "#12345"}, "medium"),
        ({"clothes": "none"}, "navy"),
        ({"sex": "both"}, "female"),
        ({"age": 120.0}, "age"),
        ({"sex": "nan"}, "sex"),
    ],
)
def test_other_words_are_refused_with_those_that_are_known(
    said: dict[str, str | float], named: str
) -> None:
    with pytest.raises(InputError, match=named):
        appearance_said(**said)
