"""ST-LPIPS as a loss; that it is what its package computes is in evaluation/test_features.py."""

import torch

from deepfacepencil.models.alexnet import load_alexnet

CPU = torch.device("cpu")


def test_it_is_frozen_and_its_gradient_makes_photos_alike():
    torch.manual_seed(0)
    alexnet = load_alexnet(CPU)
    assert not any(parameter.requires_grad for parameter in alexnet.parameters())
    photo, real = torch.rand(2, 1, 3, 64, 64) * 2 - 1
    seen, photo = alexnet(real), photo.requires_grad_()
    before = alexnet.distance(alexnet(photo), seen)
    (gradient,) = torch.autograd.grad(before.sum(), photo)
    moved = photo - 0.05 * gradient / gradient.norm()
    assert alexnet.distance(alexnet(moved), seen) < before


def test_places_where_nothing_is_seen_have_a_gradient_too():
    """The length of a place where all is 0 has no derivative of its own."""
    alexnet = load_alexnet(CPU)
    for layer in alexnet.rest:
        torch.nn.init.constant_(layer.bias, -1e6)
    photo = torch.zeros(1, 3, 64, 64, requires_grad=True)
    distance = alexnet.distance(alexnet(photo), alexnet(torch.ones(1, 3, 64, 64))).sum()
    (gradient,) = torch.autograd.grad(distance, photo)
    assert distance.isfinite() and gradient.isfinite().all()
    assert gradient.abs().sum() > 0


def test_a_shift_of_a_pixel_is_less_than_a_blur():
    torch.manual_seed(1)
    alexnet = load_alexnet(CPU)
    coarse = torch.rand(1, 3, 24, 24) * 2 - 1
    photo = torch.nn.functional.interpolate(coarse, size=96, mode="bilinear")
    shifted = photo.roll(1, dims=3)
    blurred = torch.nn.functional.avg_pool2d(photo, 9, stride=1, padding=4)
    with torch.no_grad():
        seen = alexnet(photo)
        assert alexnet.distance(alexnet(shifted), seen) < alexnet.distance(alexnet(blurred), seen)
