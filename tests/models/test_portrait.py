"""Portrait networks: the space of latents, the heads, the encoder; and the parcel they come in."""

from pathlib import Path

import numpy as np
import pytest
import torch

from deepfacepencil.errors import InputError
from deepfacepencil.models.condition import Condition
from deepfacepencil.models.mobile_stylegan import LATENT
from deepfacepencil.models.portrait import (
    SAID,
    SKETCH_SIZE,
    TOLD,
    VALUES,
    Correction,
    LatentSpace,
    PortraitEncoder,
    Steered,
    strength_of,
    within_face,
)
from deepfacepencil.models.portrait_body import (
    HEADS,
    beard_of,
    labels_of,
    load_taught,
    photo_of,
)
from deepfacepencil.models.portrait_heads import LabelHead, PhotoHead
from deepfacepencil.runtime.appearance import CONDITION_SIZE, Appearance
from deepfacepencil.sketch.labels import CLASSES

# Of four faces that no head was fitted to: what a face parser said of them, every fourth pixel.
PARSED = Path(__file__).parent / "parsed_faces.npz"


def faces(taught, count: int) -> torch.Tensor:
    """The latents of the first faces that the heads were held to."""
    latents = []
    for number in range(count):
        rng = np.random.default_rng((777, number))
        mapped = taught.body.mapping(torch.from_numpy(rng.normal(size=(1, 512)).astype(np.float32)))
        kept = float(rng.uniform(0.7, 1))
        latents.append(taught.latent_mean + kept * (mapped - taught.latent_mean))
    return torch.cat(latents)


def test_a_fitted_space_is_white_and_goes_back_and_forth() -> None:
    space = LatentSpace()
    mixing = torch.eye(LATENT) + 0.3 * torch.randn(LATENT, LATENT) / LATENT**0.5
    mixed = torch.randn(4000, LATENT) @ mixing
    w = torch.nn.functional.leaky_relu(mixed, 0.2) * 2**0.5
    space.fit(w)
    v = space.to_v(w)
    torch.testing.assert_close(v.mean(0), torch.zeros(LATENT), atol=1e-2, rtol=0)
    torch.testing.assert_close(v.var(0), torch.ones(LATENT), atol=2e-2, rtol=0)
    torch.testing.assert_close(space.to_w(v), w, atol=1e-3, rtol=1e-3)


def test_what_is_drawn_stays_among_faces() -> None:
    space = LatentSpace()
    far = space.draw(torch.full((2, LATENT), 3.0), torch.zeros(2, LATENT), torch.randn(2, LATENT))
    assert far.square().sum(1).sqrt().max() <= 27.001
    near = torch.randn(2, LATENT) * 0.1
    unmoved = space.draw(near, torch.zeros(2, LATENT), torch.zeros(2, LATENT))
    torch.testing.assert_close(unmoved, near)


def test_heads_give_twice_the_size() -> None:
    assert LabelHead()(torch.zeros(2, 512, 32, 32)).shape == (2, 19, 64, 64)
    assert PhotoHead(64)(torch.zeros(2, 64, 16, 16), torch.zeros(2, LATENT)).shape == (2, 3, 32, 32)


def test_the_halved_photo_is_the_mean_of_four_pixels() -> None:
    head, x, w = PhotoHead(64), torch.randn(2, 64, 8, 8), torch.randn(2, LATENT)
    whole = torch.nn.functional.avg_pool2d(head(x, w), 2)
    torch.testing.assert_close(head.halved(x, w), whole, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("relaxing", [False, True])
def test_an_encoder_says_all_that_the_body_needs(relaxing: bool) -> None:
    encoder = PortraitEncoder(relaxing)
    sketch = (torch.rand(2, 1, SKETCH_SIZE, SKETCH_SIZE) > 0.95).float()
    steered = encoder(Condition(sketch, appearance=torch.zeros(2, CONDITION_SIZE)))
    assert steered.mean.shape == steered.log_scale.shape == (2, LATENT)
    assert steered.mean.abs().max() <= 3
    assert [x.shape[-1] for x in steered.levels] == [8, 16, 32]
    assert steered.face.shape == (2,)
    if relaxing:
        torch.testing.assert_close(steered.attention.sum(1), torch.ones(2, 64, 64))
    else:
        assert steered.attention is None


@torch.no_grad()
def test_the_trained_space_knows_faces(taught) -> None:
    assert not any(parameter.requires_grad for parameter in taught.body.parameters())
    w = taught.body.mapping(torch.randn(64, LATENT))
    v = taught.body.space.to_v(w)
    torch.testing.assert_close(taught.body.space.to_w(v), w, atol=1e-2, rtol=1e-2)
    assert 0.8 < v.var() < 2


@torch.no_grad()
def test_photos_come_in_every_size_and_show_the_same(taught) -> None:
    w = faces(taught, 1)
    features = taught.body.features(w)
    photos = [taught.body.photo(features, w, size) for size in (256, 512, 1024)]
    assert [photo.shape[-1] for photo in photos] == [256, 512, 1024]
    shrunk = [torch.nn.functional.adaptive_avg_pool2d(photo, 32) for photo in photos]
    for other in shrunk[:2]:
        assert (other - shrunk[2]).abs().mean() < 0.05


@torch.no_grad()
def test_a_drawing_corrects_features_at_16_and_32_px_by_its_own_of_that_size(taught) -> None:
    class Doubled(torch.nn.Module):
        def forward(self, features, drawn, strength, outside):
            met.append((features.shape[-1], drawn.shape[-1], strength))
            return 2 * features

    class Same(Doubled):
        def forward(self, features, drawn, strength, outside):
            return super().forward(features, drawn, strength, outside) / 2

    w, met = faces(taught, 1), []
    levels = [torch.zeros(1, 1, size, size) for size in (8, 16, 32)]
    steered = Steered(w, w, levels, w, None, 0.5)
    plain, last = taught.body.features(w), torch.nn.ModuleList([Same(), Doubled()])
    torch.testing.assert_close(taught.body.corrected(w, steered, last), 2 * plain)
    both = taught.body.corrected(w, steered, torch.nn.ModuleList([Doubled(), Same()]))
    assert (both - plain).abs().mean() > 0.05 * plain.abs().mean()
    assert met == [(16, 16, 0.5), (32, 32, 0.5)] * 2


def test_labels_agree_with_a_face_parser(taught) -> None:
    with np.load(PARSED) as stored:
        parsed = stored["labels"]
    for w, expected in zip(faces(taught, len(parsed)), parsed, strict=True):
        features = taught.body.features(w[None])
        photo, labels = photo_of(taught.body, features, w[None]), labels_of(taught.body, features)
        assert photo.shape == (256, 256, 3)
        assert (labels[2::4, 2::4] == expected).mean() > 0.9
        assert {1, 2, 4, 5, 11, 12, 13} <= set(np.unique(labels))  # skin, nose, eyes, lips, hair


@torch.no_grad()
def test_probes_say_an_age_and_how_sure_they_are_of_a_man(taught) -> None:
    found = taught.probe(faces(taught, 40))
    assert 15 < found["age"].mean() < 60
    assert found["male"].std() > 0.2


@torch.no_grad()
def test_beards_are_below_the_nose_of_who_is_probably_bearded(taught) -> None:
    w = faces(taught, 40)
    score = taught.probe(w)["beard"]
    most, least = (int(pick) for pick in (score.argmax(), score.argmin()))
    maps = {}
    for index in (most, least):
        features = taught.body.features(w[index : index + 1])
        labels = labels_of(taught.body, features)
        maps[index] = beard_of(taught, features, labels)
        above = int(np.argwhere(labels == CLASSES.index("nose"))[:, 0].max() / 8) - 1
        assert not maps[index][:above].any()
    assert maps[most].mean() > 3 * maps[least].mean()
    features = taught.body.features(w[most : most + 1])
    surest = beard_of(taught, 30 * features, labels_of(taught.body, features))
    assert surest.max() == 255
    assert not beard_of(taught, features, np.zeros((256, 256), np.uint8)).any()


def test_a_tolerance_says_how_far_features_are_corrected() -> None:
    correction = Correction(4, 8)
    torch.nn.init.normal_(correction.last.weight, std=0.1)
    torch.nn.init.normal_(correction.flow.weight, std=0.1)
    features, drawn = torch.randn(1, 512, 8, 8), torch.randn(1, 4, 8, 8)
    asked = torch.zeros(1, 1, 64, 64)
    asked[..., :32] = 1
    strength = strength_of(asked)
    corrected = correction(features, drawn, strength)
    torch.testing.assert_close(corrected[..., :4], features[..., :4])
    assert (corrected[..., 4:] - features[..., 4:]).abs().mean() > 0.05
    assert strength_of(-asked).max() > strength_of(None)
    for most in (asked, -asked):
        torch.testing.assert_close(strength_of(2 * most), strength_of(most))


def test_values_and_whether_they_are_said_are_all_of_the_appearance() -> None:
    assert len(VALUES) == len(SAID) and not {*VALUES} & {*SAID}
    assert {*VALUES, *SAID} == {*range(CONDITION_SIZE)}
    said = Appearance(hair=(1, 2, 3), age=30).condition()[SAID]
    assert said.sum() == 4 and {*said.tolist()} == {0, 1}


def test_corrections_are_kept_to_the_face() -> None:
    within = within_face(32, 0.5)[0, 0]
    assert within[19, 16] > 0.99 and (within[:, 0] < 0.6).all() and (within[0] < 0.6).all()
    assert (within == within.flip(1)).all()


@torch.no_grad()
def test_short_hair_is_corrected_more_than_long_hair(taught) -> None:
    """Around the face; within it both are alike."""
    encoder, space = PortraitEncoder(relaxing=False), taught.body.space
    for correction in encoder.corrections:
        torch.nn.init.normal_(correction.last.weight, std=0.05)
    w, hair = faces(taught, 1).expand(2, -1), space.told[TOLD.index("hair")]
    mean = torch.stack([-1.5 * hair, 1.5 * hair])
    levels = [torch.ones(2, c, s, s) for c, s in ((320, 8), (128, 16), (96, 32))]
    steered = Steered(mean, mean, levels, w, None, 1.0)
    moved = taught.body.corrected(w, steered, encoder.corrections) - taught.body.features(w)
    short, long = moved.abs().mean(dim=1)
    assert short[0].mean() > 1.5 * long[0].mean()
    torch.testing.assert_close(
        short[16:22, 13:19].mean(), long[16:22, 13:19].mean(), rtol=0.2, atol=0
    )


def test_a_damaged_parcel_is_refused(taught, tmp_path: Path) -> None:
    data = bytearray(HEADS.read_bytes())
    data[-1] ^= 1
    (tmp_path / "heads").write_bytes(data)
    with pytest.raises(InputError, match="damaged"):
        load_taught(tmp_path / "heads")
    with pytest.raises(InputError, match="cannot be read"):
        load_taught(tmp_path / "none")


def test_a_drawing_decides_what_it_tells_and_no_code(taught) -> None:
    """Whatever the code, glasses, beard, age are those of the mean; what it tells not, varies."""
    space, generator = taught.body.space, torch.Generator().manual_seed(0)
    worn = 3  # glasses, hat, beard
    mean = 1.5 * space.told[:worn].sum(0).expand(64, LATENT)
    log_scale, code = torch.zeros_like(mean), torch.randn(64, LATENT, generator=generator)
    drawn = space.draw(mean, log_scale, code)
    told = space.as_told(drawn, mean, log_scale)
    before, after = (v @ space.told.T for v in (drawn, told))
    assert len(TOLD) == before.shape[1]
    assert (after.std(0)[:worn] < 0.2 * before.std(0)[:worn]).all()
    assert (after.std(0)[worn:] < 0.4 * before.std(0)[worn:]).all()
    assert (told.std(0) > 0.8 * drawn.std(0)).float().mean() > 0.9
    more = after.mean(0)[:worn] / (mean[0] @ space.told.T)[:worn]
    assert ((more > 1) & (more < 2)).all()


def test_who_is_drawn_old_is_older_still_and_nobody_becomes_a_child(taught) -> None:
    """A mean is cautious about wrinkles; that a face has none says little."""
    space, row = taught.body.space, TOLD.index("age")
    for told, least, most in ((1.0, 1.8, 2.3), (-1.0, -1.1, -0.9)):
        mean = told * space.told[row].expand(4, LATENT)
        shown = space.as_told(mean, mean, torch.zeros_like(mean)) @ space.told[row]
        assert ((shown > least) & (shown < most)).all()


def test_what_is_asked_for_is_shown_and_what_is_not_is_left(taught) -> None:
    space, generator = taught.body.space, torch.Generator().manual_seed(0)
    v = torch.randn(16, LATENT, generator=generator)
    log_scale = torch.zeros_like(v)
    nothing = torch.zeros(16, CONDITION_SIZE)
    torch.testing.assert_close(space.asked(v, log_scale, nothing), v)
    hair = torch.from_numpy(Appearance(hair=(200, 170, 120)).condition()).expand(16, -1)
    shown = space.asked(v, log_scale, hair) @ space.seen.T + space.usual
    before = v @ space.seen.T + space.usual
    away = (shown - hair[:, VALUES]).abs()[:, 3:6], (before - hair[:, VALUES]).abs()[:, 3:6]
    assert away[0].mean() < 0.2 * away[1].mean()
