"""FacePairs: triplets, determinism, flips and what it refuses (section 4.1, Data)."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import distance_transform_edt

from deepfacepencil.data.dataset import FacePairs
from deepfacepencil.data.prepare import load_strokes
from deepfacepencil.errors import InputError
from deepfacepencil.sketch.drawn import AS_PEOPLE_DRAW, Distortion
from deepfacepencil.sketch.pen import draw
from deepfacepencil.sketch.strokes import Strokes

STRAIGHT = Distortion(d=0)


def _equal(a, b):
    return all((one == other).all() for one, other in zip(a, b, strict=True))


def _share_near(these, those, within):
    """The share of the pixels of one drawing within some pixels of the other."""
    return (distance_transform_edt(~(those[0] > 127))[these[0] > 127] <= within).mean()


@pytest.mark.parametrize("resolution", [128, 256])
def test_triplets_are_channels_first_bytes(prepared, resolution):
    pairs = FacePairs(prepared, "train", resolution)
    assert len(pairs) == len(list(pairs)) == 6
    for triplet in pairs:
        for part, channels in zip(triplet, (1, 1, 3), strict=True):
            assert part.shape == (channels, resolution, resolution)
            assert part.dtype == np.uint8
        for sketch in (triplet.S_syn, triplet.S_dfm):
            assert sketch.max() == 255
            assert 0.005 < (sketch > 127).mean() < 0.2  # strokes on paper, not the reverse
    with pytest.raises(IndexError):
        pairs[6]


def test_order_and_worker_do_not_matter(prepared):
    one, other = (FacePairs(prepared, "train", 128, flip=True, seed=3) for _ in range(2))
    forwards = {(e, i): one.visit(e, i) for e in range(2) for i in range(6)}
    assert all(_equal(other.visit(*key), forwards[key]) for key in reversed(forwards))
    assert _equal(one[-1], one.visit(0, 5))


def test_epochs_items_and_seeds_differ(prepared):
    pairs = FacePairs(prepared, "train", 128)
    first, second = pairs.visit(0, 0), pairs.visit(1, 0)
    assert (first.S_syn == second.S_syn).all()
    assert (first.photo == second.photo).all()
    assert (first.S_dfm != second.S_dfm).any()
    other_seed = FacePairs(prepared, "train", 128, seed=1).visit(0, 0)
    assert (first.S_dfm != other_seed.S_dfm).any()
    assert (first.photo != pairs[1].photo).any()


def test_flips_flip_the_photo_and_both_sketches(prepared):
    upright = FacePairs(prepared, "train", 256, STRAIGHT)[0]
    pairs = FacePairs(prepared, "train", 256, Distortion(d=4), flip=True)
    flipped_at = []
    for epoch in range(12):
        triplet = pairs.visit(epoch, 0)
        flipped = (triplet.photo == upright.photo[..., ::-1]).all()
        flipped_at.append(flipped)
        assert flipped or (triplet.photo == upright.photo).all()
        meant = upright.S_syn[..., ::-1] if flipped else upright.S_syn
        for sketch, off in ((triplet.S_syn, 1), (triplet.S_dfm, 5)):
            assert _share_near(meant, sketch, off) > 0.99
            assert _share_near(meant[..., ::-1], sketch, off) < 0.9
    assert 2 <= sum(flipped_at) <= 10


@pytest.mark.parametrize("distortion", [STRAIGHT, None])
def test_without_distortion_both_sketches_are_one(prepared, distortion):
    for triplet in FacePairs(prepared, "val", 256, distortion):
        assert (triplet.S_syn == triplet.S_dfm).all()


def test_sketches_lie_on_the_edges_of_the_photo(prepared):
    for triplet in FacePairs(prepared, "train", 256):
        grey = triplet.photo.astype(float).mean(0)
        edges = np.hypot(*np.gradient(grey))
        sketch = triplet.S_syn[0] > 127
        assert edges[sketch].mean() > 3 * edges[~sketch].mean()


def test_half_resolution_is_the_same_picture(prepared):
    full = FacePairs(prepared, "train", 256, STRAIGHT)[0]
    half = FacePairs(prepared, "train", 128, STRAIGHT)[0]
    averaged = full.photo.reshape(3, 128, 2, 128, 2).mean((2, 4))
    assert np.abs(averaged - half.photo).mean() < 2
    larger = half.S_syn.repeat(2, 1).repeat(2, 2)
    assert _share_near(full.S_syn, larger, 2) > 0.99


def test_the_default_distortion_is_the_papers():
    assert Distortion() == Distortion(d=11, varied_share=0, freehand_share=0)
    line = Strokes.of([np.full((301, 2), 256)], [(0, 1)])
    moved = [Distortion()(line, np.random.default_rng(s)).points - 256 for s in range(50)]
    assert 10.9 < np.abs(moved).max() <= 11.001
    assert min(np.abs(one).max() for one in moved) > 10  # not a maximum drawn per sketch


def test_varied_and_freehand_sketches_come_in_their_shares(prepared):
    strokes = FacePairs(prepared, "train", 256).strokes(0)
    line = Strokes.of([np.full((301, 2), 256)], [(0, 1)])
    seeds = range(60)

    varied = Distortion(varied_share=0.5, varied_d=30)
    reach = np.array(
        [np.abs(varied(line, np.random.default_rng(s)).points - 256).max() for s in seeds]
    )
    as_the_paper = (reach > 10.5) & (reach <= 11.001)
    assert 0.3 < as_the_paper.mean() < 0.7
    assert 20 < reach.max() <= 30.001

    by_hand = Distortion(freehand_share=0.5)
    redrawn = [
        not np.array_equal(by_hand(strokes, np.random.default_rng(s)).starts, strokes.starts)
        for s in seeds
    ]
    assert 0.3 < np.mean(redrawn) < 0.7


def test_strokes_are_stored_with_their_classes(prepared):
    strokes = FacePairs(prepared, "test", 256).strokes(0)
    assert set(strokes.classes.ravel()) == set(range(19))


def test_people_draw_what_is_inside_too(prepared):
    pairs = FacePairs(prepared, "train", 128, AS_PEOPLE_DRAW, flip=True)
    assert len(pairs.inner(0))
    assert _equal(pairs.visit(3, 1), pairs.visit(3, 1))
    borders = draw(pairs.strokes(0), 128)
    aligned = [FacePairs(prepared, "train", 128, AS_PEOPLE_DRAW).visit(e, 0) for e in range(20)]
    only_borders = [(one.S_syn[0] == borders).all() for one in aligned]
    assert 0 < sum(only_borders) < 15


def test_folders_from_before_there_were_inner_strokes_still_work(prepared, tmp_path):
    old = shutil.copytree(prepared, tmp_path / "old")
    for path in old.glob("*/strokes/*.npz"):
        borders = load_strokes(path)[0]
        np.savez(path, points=borders.points, starts=borders.starts, classes=borders.classes)
    pairs = FacePairs(old, "train", 128, AS_PEOPLE_DRAW)
    assert len(pairs.inner(0)) == 0
    assert (pairs[0].S_syn[0] == draw(pairs.strokes(0), 128)).all()


def test_folders_that_are_no_finished_preparation_are_refused(prepared, tmp_path):
    with pytest.raises(InputError, match=r"not a prepared folder.*deepfacepencil prepare"):
        FacePairs(tmp_path, "train", 256)
    with pytest.raises(InputError, match=r"no photos in validation"):
        FacePairs(prepared, "validation", 256)
    with pytest.raises(InputError, match=r"photos of 256 px.*--size 512"):
        FacePairs(prepared, "train", 512)

    half = shutil.copytree(prepared, tmp_path / "half")
    manifest = json.loads((half / "prepared.json").read_text()) | {"complete": False}
    (half / "prepared.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="half prepared"):
        FacePairs(half, "train", 256)
    (half / "prepared.json").write_text('{"settings":')
    with pytest.raises(InputError, match="damaged"):
        FacePairs(half, "train", 256)


def test_photos_are_stored_at_the_size_asked_for(prepared):
    photo = Image.open(prepared / "train" / "photos" / "000.jpg")
    assert photo.size == (256, 256)
    assert photo.mode == "RGB"
