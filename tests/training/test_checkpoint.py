"""States and weights on disk: whole or not at all, and the one before."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from deepfacepencil.errors import InputError
from deepfacepencil.models.condition import Condition
from deepfacepencil.models.generator import dual_generators
from deepfacepencil.training.checkpoint import (
    PREVIOUS,
    STATE,
    WEIGHTS,
    load_generator,
    load_state,
    load_weights,
    save_state,
    save_weights,
)


def truncate(path):
    path.write_bytes(path.read_bytes()[:-200])


def test_the_state_before_stays(tmp_path):
    assert load_state(tmp_path) is None
    for number in range(3):
        save_state({"number": number, "weights": torch.ones(100)}, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {STATE, PREVIOUS}
    assert load_state(tmp_path)["number"] == 2


def test_a_truncated_state_is_named_and_the_one_before_is_used(tmp_path, capsys):
    for number in range(2):
        save_state({"number": number}, tmp_path)
    truncate(tmp_path / STATE)
    assert load_state(tmp_path)["number"] == 0
    assert f"{tmp_path / STATE} is damaged" in capsys.readouterr().out
    truncate(tmp_path / PREVIOUS)
    with pytest.raises(InputError, match="no training state there can be read"):
        load_state(tmp_path)


@pytest.mark.parametrize("renamed", [0, 1])
def test_at_every_instant_there_is_a_whole_state(tmp_path, monkeypatch, renamed):
    """The machine stops before the first and between the two renamings."""
    save_state({"number": 0}, tmp_path)
    save_state({"number": 1}, tmp_path)
    count = 0

    class StoppedError(BaseException):
        pass

    def stopping(rename):
        def call(*arguments):
            nonlocal count
            if count == renamed:
                raise StoppedError
            count += 1
            return rename(*arguments)

        return call

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", stopping(__import__("os").replace))
        patch.setattr(Path, "replace", stopping(Path.replace))
        with pytest.raises(StoppedError):
            save_state({"number": 2}, tmp_path)
    assert load_state(tmp_path)["number"] == 1
    save_state({"number": 2}, tmp_path)
    assert load_state(tmp_path)["number"] == 2


def test_weights_come_back_with_their_facts(tmp_path):
    weights = {"a": torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last)}
    save_weights(weights, {"width": 4}, tmp_path)
    loaded, facts = load_weights(tmp_path)
    assert torch.equal(loaded["a"], weights["a"])
    assert facts == {
        "width": 4,
        "model": "ours",
        "depth": 8,
        "resolution": 256,
    }  # as if from before


def test_weights_from_before_the_rivals_are_ours(tmp_path):
    torch.manual_seed(0)
    main = dual_generators(4, 8)[1].eval()
    facts = {"recipe": "small", "width": 4, "cap": 8}
    save_weights(main.state_dict(), {**facts, "pooling": (1, 1, 1, 1)}, tmp_path)
    assert load_generator(tmp_path)[0].sap.widths == (1, 1, 1, 1)
    save_weights(main.state_dict(), facts, tmp_path)
    generator, facts = load_generator(tmp_path)
    assert (facts["model"], facts["resolution"]) == ("ours", 256)
    sketch = Condition((torch.rand(2, 1, 64, 64) > 0.9).float())
    loaded = generator(sketch)
    with torch.no_grad():
        assert torch.equal(loaded.photo, main(sketch).photo)
    assert loaded.attention.shape == (2, 4, 64, 64)
    assert not loaded.photo.requires_grad


@pytest.mark.parametrize(
    "facts", [{"width": 4, "cap": 16}, {"width": 4}, {"width": 4, "cap": 8, "model": "newer"}]
)
def test_weights_that_do_not_fit_the_networks_are_refused(tmp_path, facts):
    save_weights(dual_generators(4, 8)[1].state_dict(), facts, tmp_path)
    with pytest.raises(InputError, match=r"generator\.safetensors does not fit this version"):
        load_generator(tmp_path)


def test_weights_that_are_not_ours_are_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        load_weights(tmp_path)
    path = tmp_path / WEIGHTS
    save_file({"a": torch.ones(2)}, path)
    with pytest.raises(InputError, match="not a file of weights that we wrote"):
        load_weights(tmp_path)
    save_file({"a": torch.ones(2)}, path, metadata={"deepfacepencil": "no JSON"})
    with pytest.raises(InputError, match="not a file of weights that we wrote"):
        load_weights(tmp_path)
    path.write_text("hello")
    with pytest.raises(InputError, match="not a file of weights that we wrote"):
        load_weights(tmp_path)
