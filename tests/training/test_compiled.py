"""Compiled networks learn what they would learn uncompiled: every parameter gets its gradient.

torch.compile may lose one without a word, and the losses are the same: SAP's attention stayed as it
was born in every training, until the tolerances of two of them were seen to be equal.
"""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from deepfacepencil.models.classifier import Classifier
from deepfacepencil.models.condition import Condition
from deepfacepencil.models.discriminator import Discriminator
from deepfacepencil.models.enhancer import Enhancer, half_size
from deepfacepencil.models.generator import dual_generators
from deepfacepencil.models.pix2pix import PatchGAN, UNet
from deepfacepencil.training.networks import can_compile, compile_network

SIZE = 64
Call = Callable[[nn.Module], Tensor]


def gradients(network: nn.Module, call: Call) -> dict[str, Tensor]:
    network.zero_grad(set_to_none=True)
    with torch.autocast("cpu", torch.bfloat16):
        result = call(network).float()
    weights = torch.sin(torch.arange(result.numel())).view_as(result)
    (result * weights).sum().backward()
    return {
        name: parameter.grad
        for name, parameter in network.named_parameters()
        if parameter.grad is not None
    }


def _networks() -> dict[str, tuple[nn.Module, Call]]:
    """All that a training compiles, and what its losses take from it."""
    sketch = (torch.rand(2, 1, SIZE, SIZE) > 0.9).float()
    condition = Condition(sketch)
    photo = torch.rand(2, 3, SIZE, SIZE).contiguous(memory_format=torch.channels_last)
    auxiliary, main = dual_generators(width=16, cap=32)
    with torch.no_grad():
        decoded = main.decoded(half_size(condition))

    def photo_of(network: nn.Module) -> Tensor:
        return network(condition).photo

    def judged(network: nn.Module) -> Tensor:
        return torch.cat([scale[-1].flatten() for scale in network(condition, photo)])

    return {
        "G_a": (auxiliary, photo_of),
        "G_m": (main, photo_of),
        "G_m, for L_GFM in stage 2": (
            main,
            lambda network: torch.cat([one.flatten() for one in network(condition).features]),
        ),
        "G_m, for L_GFM in stage 3": (main, lambda network: network(condition).encoded),
        "D": (Discriminator(8, 16), judged),
        "C": (Classifier(), lambda network: network(sketch)),
        "U-Net": (UNet(8, 6).eval(), photo_of),  # dropout would differ
        "PatchGAN": (PatchGAN(8, 16), judged),
        "enhancer": (Enhancer(16), lambda network: network(condition, decoded)),
    }


@pytest.mark.parametrize("kind", _networks())
def test_compiled_gradients_are_those_of_the_network_itself(kind: str) -> None:
    if not can_compile(torch.device("cpu")):
        pytest.skip("torch.compile does not work here")
    torch.manual_seed(0)
    network, call = _networks()[kind]
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    expected = gradients(network, call)
    compile_network(network)
    found = gradients(network, call)
    assert found.keys() >= expected.keys()
    for name in found.keys() - expected.keys():  # what the result does not depend on
        assert not found[name].any(), name
    for name, gradient in expected.items():  # bfloat16 rounds them differently, not away
        if gradient.norm() > 1e-3:
            match = torch.cosine_similarity(gradient.flatten(), found[name].flatten(), dim=0)
            assert match > 0.5, name
