"""Compiled networks learn what they would learn uncompiled: every parameter gets its gradient.

torch.compile may lose one without a word, and the losses are the same: SAP's attention stayed as it
was born in every training, until the tolerances of two of them were seen to be equal.
"""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from deepfacepencil.models.discriminator import Discriminator
from deepfacepencil.models.generator import dual_generators
from deepfacepencil.training.stages import _can_compile

SIZE = 64


def gradients(network: nn.Module, call: Callable[[nn.Module], Tensor]) -> dict[str, Tensor]:
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


@pytest.mark.parametrize("kind", ["G_a", "G_m", "D"])
def test_compiled_gradients_are_those_of_the_network_itself(kind: str) -> None:
    if not _can_compile(torch.device("cpu")):
        pytest.skip("torch.compile does not work here")
    torch.manual_seed(0)
    aligned, main = dual_generators(width=16, cap=32)
    sketch = (torch.rand(2, 1, SIZE, SIZE) > 0.9).float()
    photo = torch.rand(2, 3, SIZE, SIZE).contiguous(memory_format=torch.channels_last)
    network: nn.Module = {"G_a": aligned, "G_m": main, "D": Discriminator(8, 16)}[kind]
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def call(network: nn.Module) -> Tensor:
        if kind == "D":
            return torch.cat([scale[-1].flatten() for scale in network(sketch, photo)])
        return network(sketch).photo

    expected = gradients(network, call)
    main.sap.leave_attention_uncompiled()
    network.compile(dynamic=False)
    found = gradients(network, call)
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():  # bfloat16 rounds them differently, not away
        if gradient.norm() > 1e-3:
            match = torch.cosine_similarity(gradient.flatten(), found[name].flatten(), dim=0)
            assert match > 0.5, name
