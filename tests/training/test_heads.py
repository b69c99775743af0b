"""Fitting the body's heads: crops, losses, labels, and that it goes on and repeats itself."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from deepfacepencil.errors import InputError
from deepfacepencil.models.mobile_stylegan import inverse_haar
from deepfacepencil.models.portrait_body import HEADS
from deepfacepencil.training import heads
from deepfacepencil.training.heads import Fit, Photos, crops_of, haar, latent, photo_loss


def test_a_haar_transform_goes_back_and_forth() -> None:
    photos = torch.rand(2, 3, 8, 8)
    torch.testing.assert_close(inverse_haar(haar(photos)), photos)


@torch.no_grad()
def test_a_crop_shows_a_part_of_the_bodys_own_photo(taught) -> None:
    body, w = taught.body, latent(taught, 0, 0)
    features = body.features(w)
    whole = body.photo(features, w, 1024).clamp(-1, 1)
    whole = torch.nn.functional.avg_pool2d(whole, 2)[0]
    _, photos = crops_of(body, features, w, 512, np.random.default_rng(5))
    places = np.random.default_rng(5).integers(0, 512 // 2 - 24 + 1, (len(photos), 2))
    for photo, (top, left) in zip(photos, 2 * places, strict=True):
        inside = whole[:, top + 4 : top + 44, left + 4 : left + 44]
        torch.testing.assert_close(photo[:, 4:-4, 4:-4], inside, atol=1e-4, rtol=0)


def test_the_loss_sees_a_grid_of_two_pixels_and_missing_texture() -> None:
    photo = torch.zeros(1, 3, 40, 40)
    grid = (torch.arange(40) % 2 * 2 - 1) * (torch.arange(40)[:, None] % 2 * 2 - 1)
    assert photo_loss(photo, photo) == 0
    assert photo_loss(photo + 0.1 * grid, photo) > 5 * photo_loss(photo + 0.1, photo)
    hair = 0.2 * torch.randn(1, 3, 40, 40)
    assert photo_loss(0 * hair, hair) > photo_loss(hair.roll(1, dims=3) * 0.5, hair)


def test_a_fit_repeats_itself_and_goes_on_where_it_was(
    tmp_path: Path, monkeypatch, stopping_after
) -> None:
    monkeypatch.setattr(heads, "_CROPS", 2)
    Fit(tmp_path / "one", faces=1, steps=3, batch=2).run()
    steps = stopping_after(heads, 1)
    with pytest.raises(KeyboardInterrupt):
        Fit(tmp_path / "two", faces=1, steps=3, batch=2).run()
    Fit(tmp_path / "two", faces=1, steps=3, batch=2).run()
    assert steps == [1, 2, 3]
    files = [(tmp_path / name / HEADS.name).read_bytes() for name in ("one", "two")]
    assert files[0] == files[1]
    before, after = load_file(HEADS), load_file(tmp_path / "one" / HEADS.name)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all(name.startswith("head.") for name in changed)
    with pytest.raises(InputError, match="another fit"):
        Fit(tmp_path / "one", faces=1, steps=4, batch=2).run()


def test_labels_are_learnt_from_anybodys_maps(tmp_path: Path) -> None:
    photos, maps = tmp_path / "photos", tmp_path / "maps"
    Photos(photos, count=1).run()
    assert Image.open(photos / "000000.png").size == (256, 256)
    maps.mkdir()
    with pytest.raises(InputError, match="no label maps"):
        Fit(tmp_path / "fit", head="labels", labels=maps).run()
    Image.new("L", (256, 256), 13).save(maps / "000000.png")
    Fit(tmp_path / "fit", head="labels", labels=maps, steps=2, batch=1).run()
    after = load_file(tmp_path / "fit" / HEADS.name)
    assert not torch.equal(
        after["labels.layers.0.weight"], load_file(HEADS)["labels.layers.0.weight"]
    )
    Image.new("L", (256, 256), 30).save(maps / "000000.png")
    with pytest.raises(InputError, match="classes 0 to 18"):
        Fit(tmp_path / "again", head="labels", labels=maps).run()
