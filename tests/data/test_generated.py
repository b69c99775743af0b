"""Faces that the generator makes: the same for a seed, resumable, with the shares that are said."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from deepfacepencil.data.generated import choose, prepare_generated
from deepfacepencil.data.portraits import PortraitPairs
from deepfacepencil.errors import InputError


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.glob("*/*/*")}


def test_what_is_missing_is_made_again_byte_by_byte(generated: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(generated, folder)
    first, second, *_ = sorted((folder / "train/latents").iterdir())
    first.unlink()
    (folder / "train/photos" / f"{second.stem}.jpg").unlink()
    prepare_generated(6, 0, folder, 2)
    assert contents(folder) == contents(generated)


def test_another_seed_or_count_is_another_folder(generated: Path) -> None:
    for count, seed in ((6, 1), (7, 0)):
        with pytest.raises(InputError, match="was prepared with"):
            prepare_generated(count, seed, generated, 1)
    with pytest.raises(InputError, match="at least 1"):
        prepare_generated(0, 0, generated, 1)


def test_seeds_choose_other_faces(taught) -> None:
    latents = [choose(taught, 4, seed) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(latents[0], latents[1])
    assert not np.isclose(latents[0], latents[2]).all()


def test_rare_things_get_their_share(taught) -> None:
    import torch

    chosen = taught.probe(torch.from_numpy(choose(taught, 200, 0)))
    plain = taught.body.mapping(torch.randn(2000, 512, generator=torch.Generator().manual_seed(0)))
    plain = taught.probe(taught.latent_mean + 0.85 * (plain - taught.latent_mean))
    for name in ("glasses", "hat", "beard", "curls"):
        rare = plain[name].quantile(0.95)
        assert (chosen[name] > rare).float().mean() > 0.08
    assert chosen["age"].std() > plain["age"].std()


def test_pairs_are_ready_to_train_with(generated: Path) -> None:
    pairs = PortraitPairs(generated, "train", 128)
    assert len(pairs) == 4
    once, again, other = pairs.visit(3, 1), pairs.visit(3, 1), pairs.visit(4, 1)
    assert once["S_syn"].shape == once["S_dfm"].shape == (1, 128, 128)
    assert once["S_syn"].max() > 0
    assert once["labels"].shape == (4, 64, 64) and once["labels"].max() < 19
    for name, value in once.items():
        np.testing.assert_array_equal(value, again[name])
    assert not np.array_equal(once["S_dfm"], other["S_dfm"])
    np.testing.assert_array_equal(once["w"], other["w"])


def test_a_damaged_face_is_named(generated: Path, tmp_path: Path) -> None:
    shutil.copytree(generated, tmp_path / "data")
    pairs = PortraitPairs(tmp_path / "data", "train", 128)
    path = tmp_path / "data/train/latents" / f"{pairs.ids[0]}.npz"
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(InputError, match=rf"{pairs.ids[0]}.npz is damaged"):
        pairs.visit(0, 0)
