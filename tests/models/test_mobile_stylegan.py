"""MobileStyleGAN in torch is that of the package: numbers that OpenVINO gave for its graphs."""

from pathlib import Path

import numpy as np
import pytest
import torch

from deepfacepencil.errors import InputError
from deepfacepencil.models import mobile_stylegan
from deepfacepencil.models.mobile_stylegan import (
    CHANNELS,
    LATENT,
    SIZES,
    inverse_haar,
    slots,
)

# OpenVINO 2026.4 in single precision, for z = default_rng(0).standard_normal((1, 512)).
PLACES = [0, 100, 200, 300, 400, 511]
W = [-0.0018504829, -0.1969173849, -0.0729436874, -0.1402833909, -0.1823329776, -0.2394544333]
PIXELS = {  # row and column of 1024 x 1024
    (512, 512): [0.4014725089, 0.1363230348, 0.1278149188],
    (300, 400): [0.3383754790, 0.1145437583, 0.0895269141],
    (700, 600): [0.3615124226, 0.1539736241, 0.1327015758],
    (50, 900): [-0.1107550710, -0.0811849311, -0.0565296002],
}


@torch.no_grad()
def test_the_networks_are_the_originals(taught) -> None:
    z = torch.from_numpy(np.random.default_rng(0).standard_normal((1, LATENT), np.float32))
    w = taught.body.mapping(z)
    np.testing.assert_allclose(w[0, PLACES], W, atol=1e-4)
    photo = taught.body.synthesis(slots(w))[0]
    assert photo.shape == (3, 1024, 1024)
    for (row, column), expected in PIXELS.items():
        np.testing.assert_allclose(photo[:, row, column], expected, atol=1e-3)


@torch.no_grad()
def test_features_come_in_every_size(taught) -> None:
    features = taught.body.synthesis.features(slots(taught.latent_mean[None]), 128)
    assert [x.shape[-1] for x in features] == [size for size in SIZES if size <= 128]


@torch.no_grad()
def test_the_photo_is_made_with_the_last_slot_alone(taught) -> None:
    network, w = taught.body.synthesis, slots(taught.latent_mean[None]).clone()
    x = torch.randn(1, CHANNELS[-1], 4, 4)
    before = network.photo(x, w)
    w[:, :-1] += 1
    assert torch.equal(network.photo(x, w), before)
    w[:, -1] += 1
    assert not torch.allclose(network.photo(x, w), before, atol=1e-2)


def test_the_haar_transform_keeps_energy_and_constants() -> None:
    bands = torch.randn(2, 12, 4, 4)
    torch.testing.assert_close(inverse_haar(bands).square().sum(), bands.square().sum())
    constant = torch.zeros(1, 4, 2, 2)
    constant[:, 0] = 2.0  # the low-pass of ones
    torch.testing.assert_close(inverse_haar(constant), torch.ones(1, 1, 4, 4))


def test_other_files_are_refused(taught, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        mobile_stylegan.load(tmp_path)
    original = mobile_stylegan._installed()
    name = "MappingNetwork"
    (tmp_path / f"{name}.xml").write_bytes((original / f"{name}.xml").read_bytes())
    data = bytearray((original / f"{name}.bin").read_bytes())
    data[1000] ^= 1
    (tmp_path / f"{name}.bin").write_bytes(data)
    with pytest.raises(InputError, match="install it again"):
        mobile_stylegan.load(tmp_path)
