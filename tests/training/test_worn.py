"""What beards and glasses look like is fitted to generated faces that have them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from deepfacepencil.data.portraits import LATENTS, split_labels
from deepfacepencil.errors import InputError
from deepfacepencil.models.portrait_body import HEADS, Taught, beard_of, labels_of
from deepfacepencil.training.worn import Fit


@torch.no_grad()
def test_a_few_faces_say_what_many_have_said(taught: Taught, tmp_path: Path) -> None:
    folder, space = tmp_path / "train" / LATENTS, taught.body.space
    folder.mkdir(parents=True)
    generator = torch.Generator().manual_seed(0)
    for number in range(12):
        worn = torch.tensor([3.0 if number % 2 else -3.0, 0, 3.0 if number < 6 else -3.0])
        v = 0.4 * torch.randn(1, 512, generator=generator) + worn @ space.told[:3]
        w = space.to_w(v)
        features = taught.body.features(w)
        labels = labels_of(taught.body, features)
        beard = beard_of(taught, features, labels)
        np.savez(folder / f"{number:05}.npz", w=w[0], labels=split_labels(labels), beard=beard)
    Fit(tmp_path, tmp_path / "heads", faces=4).run()
    new, shipped = (load_file(path) for path in (tmp_path / "heads" / HEADS.name, HEADS))
    assert set(new) == set(shipped)
    cosine = torch.nn.functional.cosine_similarity
    hair = cosine(new["beard.hair"].float(), shipped["beard.hair"].float(), dim=0)
    middles = [heads["glasses.look"].float().mean(dim=(1, 2)) for heads in (new, shipped)]
    assert hair > 0.7 and cosine(*middles, dim=0) > 0.7
    torch.testing.assert_close(new["beard.cell"], shipped["beard.cell"])


def test_data_without_generated_faces_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="prepare generated"):
        Fit(tmp_path, tmp_path / "heads").run()
