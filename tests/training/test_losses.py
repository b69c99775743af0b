"""Every loss against its equation by hand (Eq. 4 to 7)."""

import pytest
import torch
from torch.nn import functional as F

from deepfacepencil.training import losses


def features(*scales):
    """Scales of layers of numbers -> what a discriminator returns for a batch of one."""
    return [[torch.tensor(layer).reshape(1, 1, 1, -1) for layer in scale] for scale in scales]


def leaves(outputs):
    return [[layer.clone().requires_grad_() for layer in scale] for scale in outputs]


REAL = features([[1.0, 2.0], [2.0, -1.0, 0.5]], [[0.0], [0.3]], [[4.0], [-2.0, 1.0]])
FAKE = features([[0.0, 4.0], [-1.0, 0.0, 3.0]], [[2.0], [-0.7]], [[4.5], [0.2, 0.1]])


def test_eq_4():
    generated = torch.full((2, 3, 4, 4), 0.5)
    photo = torch.zeros(2, 3, 4, 4)
    photo[0] = -1.0
    assert losses.reconstruction(generated, photo) == pytest.approx((1.5 + 0.5) / 2)


def test_eq_5_for_d_is_binary_cross_entropy_per_scale():
    expected = 0.0
    for real, fake in zip(REAL, FAKE, strict=True):
        r, f = real[-1], fake[-1]
        expected += F.binary_cross_entropy_with_logits(r, torch.ones_like(r))
        expected += F.binary_cross_entropy_with_logits(f, torch.zeros_like(f))
    torch.testing.assert_close(losses.adversarial_discriminator(REAL, FAKE), expected / 3)


def test_eq_5_for_g_wants_to_be_taken_for_real():
    expected = torch.stack([-torch.sigmoid(scale[-1]).log().mean() for scale in FAKE]).mean()
    torch.testing.assert_close(losses.adversarial_generator(FAKE), expected)


def test_eq_5_holds_for_logits_of_any_size():
    sure = features([[0.0], [200.0]])
    torch.testing.assert_close(losses.adversarial_discriminator(sure, sure), torch.tensor(200.0))


def test_hinge():
    d = torch.tensor(0.0)
    for real, fake in zip(REAL, FAKE, strict=True):
        d += (1 - real[-1]).clamp(min=0).mean() + (1 + fake[-1]).clamp(min=0).mean()
    torch.testing.assert_close(losses.hinge_discriminator(REAL, FAKE), d / 3)
    g = -sum(scale[-1].mean() for scale in FAKE) / 3
    torch.testing.assert_close(losses.hinge_generator(FAKE), g)


def test_least_squares_are_means_over_each_scale():
    d, g = torch.tensor(0.0), torch.tensor(0.0)
    for real, fake in zip(REAL, FAKE, strict=True):
        d += ((real[-1] - 1) ** 2).mean() + (fake[-1] ** 2).mean()
        g += ((fake[-1] - 1) ** 2).mean()
    torch.testing.assert_close(losses.least_squares_discriminator(REAL, FAKE), d / 3)
    torch.testing.assert_close(losses.least_squares_generator(FAKE), g / 3)


def test_eq_6_averages_layers_and_scales_and_leaves_the_logits_out():
    #                          |1-0|, |2-4| ;     |0-2| ;     |4-4.5|
    expected = (1.5 + 2.0 + 0.5) / 3
    assert losses.discriminator_feature_matching(FAKE, REAL) == pytest.approx(expected)


def test_eq_6_sends_gradients_to_the_generated_photo_only():
    fake, real = leaves(FAKE), leaves(REAL)
    losses.discriminator_feature_matching(fake, real).backward()
    assert all(layer.grad is None for scale in real for layer in scale)
    assert all(layer.grad.abs().sum() > 0 for scale in fake for layer in scale[:-1])
    assert all(scale[-1].grad is None for scale in fake)


def test_eq_7_and_its_gradients_to_both_generators():
    auxiliary = [torch.zeros(1, 2, 2, 2, requires_grad=True) for _ in range(4)]
    main = [torch.full((1, 2, 2, 2), n, requires_grad=True) for n in (1.0, -2.0, 3.0, -4.0)]
    loss = losses.generator_feature_matching(auxiliary, main)
    assert loss.item() == pytest.approx((1 + 2 + 3 + 4) / 4)
    loss.backward()
    for a, d in zip(auxiliary, main, strict=True):
        assert d.grad.abs().sum() > 0
        torch.testing.assert_close(a.grad, -d.grad)


def test_classification_is_binary_cross_entropy_with_deformed_as_true():
    clean, deformed = torch.tensor([-1.0, 2.0]), torch.tensor([0.5, 3.0])
    logits, truth = torch.cat([clean, deformed]), torch.tensor([0.0, 0.0, 1.0, 1.0])
    torch.testing.assert_close(
        losses.classification(clean, deformed),
        F.binary_cross_entropy_with_logits(logits, truth),
    )


def outputs(*logits):
    """Per scale: two layers that must not be taken for logits, then the logits."""
    return [[torch.full((1,), 50.0), torch.full((1,), -50.0), torch.tensor([x])] for x in logits]


def test_logits_are_the_last_of_any_number_of_layers():
    real, fake = outputs(0.5, 2.0), outputs(-0.25, 3.0)
    sigmoid = torch.sigmoid
    r, f = torch.tensor([0.5, 2.0]), torch.tensor([-0.25, 3.0])
    expected = {
        "cross entropy": (-sigmoid(r).log() - sigmoid(-f).log(), -sigmoid(f).log()),
        "hinge": ((1 - r).clamp(min=0) + (1 + f).clamp(min=0), -f),
        "least squares": ((r - 1) ** 2 + f**2, (f - 1) ** 2),
    }
    assert expected.keys() == losses.ADVERSARIAL.keys()
    for name, (d_loss, g_loss) in losses.ADVERSARIAL.items():
        assert d_loss(real, fake) == pytest.approx(expected[name][0].mean().item()), name
        assert g_loss(fake) == pytest.approx(expected[name][1].mean().item()), name


def test_perceptual_features_are_summed_in_their_shares():
    one, other = [torch.zeros(2), torch.zeros(3)], [torch.ones(2), torch.full((3,), -2.0)]
    assert losses.perceptual_features(one, other, (0.5, 0.25)) == pytest.approx(0.5 + 0.5)


def test_what_networks_made_in_bfloat16_is_compared_in_float32():
    def every_loss(real, fake):
        layers = real[0][:1] * 3, fake[0][:1] * 3
        for d_loss, g_loss in losses.ADVERSARIAL.values():
            yield from (d_loss(real, fake), g_loss(fake))
        yield losses.discriminator_feature_matching(fake, real)
        yield losses.generator_feature_matching(*layers)
        yield losses.perceptual_features(*layers, (0.5, 0.3, 0.1))
        yield losses.classification(real[0][-1], fake[0][-1])

    halves = [[[layer.bfloat16() for layer in scale] for scale in of] for of in (REAL, FAKE)]
    full = [[[layer.float() for layer in scale] for scale in of] for of in halves]
    assert list(every_loss(*halves)) == list(every_loss(*full))


def test_features_are_compared_layer_by_layer_of_every_scale():
    three, two = [[torch.zeros(1)] * 3] * 2, [[torch.ones(1)] * 3] * 2
    two[0] = [torch.ones(1), torch.full((1,), 3.0), torch.full((1,), 100.0)]
    assert losses.discriminator_feature_matching(three, two) == pytest.approx((1 + 3 + 1 + 1) / 4)
    for short in (two[:1], [scale[:2] for scale in two]):
        with pytest.raises(ValueError, match="zip"):
            losses.discriminator_feature_matching(three, short)
    with pytest.raises(ValueError, match="zip"):
        losses.generator_feature_matching(three[0], two[0][:2])
    for d_loss, _ in losses.ADVERSARIAL.values():
        with pytest.raises(ValueError, match="zip"):
            d_loss(three, two[:1])
