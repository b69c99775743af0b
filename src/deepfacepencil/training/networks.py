"""All networks of a training, and how a step calls them: device, precision, several processes.

The only room that knows of torch.compile, autocast and shared gradients; models/ is plain torch.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import nn

from ..models.alexnet import ShiftTolerantAlexNet, load_alexnet
from ..models.build import discriminator, generators
from ..models.enhancer import Enhancer
from ..models.generator import MainGenerator
from ..models.vgg import ShiftTolerantVGG, load_vgg
from .recipes import ENHANCER, Recipe


class Networks(nn.Module):
    """All that is trained, and the moving average of the generators that is shown and released.

    `auxiliary` is G_a, `main` is G_m, which draws. A model of one generator has it under both
    names.
    """

    auxiliary: Any  # what `generators` makes
    main: Any

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        size = recipe.width, recipe.cap, recipe.depth, recipe.pooling
        # D first: it is the same for all models, whatever else they have.
        self.discriminator = new_discriminator(recipe)
        self.auxiliary, self.main = generators(recipe.model, *size)
        wanted = any(phase.stage == ENHANCER for phase in recipe.phases)
        self.enhancer = Enhancer(recipe.width) if wanted else nn.Identity()
        self.ema = deepcopy(self._averaged())
        self.ema.requires_grad_(False).eval()
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def _averaged(self) -> nn.ModuleDict:
        return nn.ModuleDict(
            {"auxiliary": self.auxiliary, "main": self.main, "enhancer": self.enhancer}
        )

    @property
    def classifier(self) -> nn.Module:
        """C, which is inside SAP; nothing where there is no SAP."""
        return self.main.sap.classifier if isinstance(self.main, MainGenerator) else nn.Identity()

    @torch.no_grad()
    def update_ema(self, keep: float) -> None:
        """Move the average towards the generators; `keep` of it stays.

        The running statistics of pix2pix's batch norm are averaged like the weights they go with.
        """
        average, current = (
            [t for t in chain(g.parameters(), g.buffers()) if t.is_floating_point()]
            for g in (self.ema, self._averaged())
        )
        torch._foreach_lerp_(average, current, 1 - keep)

    def state_bytes(self) -> int:
        """Size of a training state, at most: all weights, and two moments of the trained ones."""
        averages = sum(parameter.nbytes for parameter in self.ema.parameters())
        weights = sum(parameter.nbytes for parameter in self.parameters())
        return weights + 2 * (weights - averages)


def new_discriminator(recipe: Recipe) -> nn.Module:
    """D from scratch."""
    return discriminator(recipe.model, recipe.discriminator_width, recipe.discriminator_cap)


@dataclass(frozen=True)
class Compute:
    """How a step calls the networks: where, in which precision, and with shared gradients.

    Each network that the stage trains is wrapped on its own: in a backward through it, processes
    that train together average their gradients.
    """

    classifier: Callable
    auxiliary: Callable
    main: Callable
    enhancer: Callable
    discriminator: Callable
    alexnet: ShiftTolerantAlexNet | None  # where the recipe has these perceptual losses
    vgg: ShiftTolerantVGG | None
    device: torch.device
    recipe: Recipe

    @classmethod
    def of(cls, networks: Networks, fabric: Fabric, recipe: Recipe) -> "Compute":
        """For the stage whose parameters, and no others, require gradients at the moment."""
        averaged: set[int] = set()  # parameters that another network's backward averages

        def shared(network: nn.Module) -> Callable:
            trained = {n: id(p) for n, p in network.named_parameters() if p.requires_grad}
            if averaged.issuperset(trained.values()):
                return network
            # The name is torch's. Two generators share the body: its gradients travel once.
            others = [name for name, parameter in trained.items() if parameter in averaged]
            network._ddp_params_and_buffers_to_ignore = others  # type: ignore[assignment]
            averaged.update(trained.values())
            return fabric.setup_module(network, move_to_device=False)

        auxiliary = shared(networks.auxiliary)
        return cls(
            classifier=shared(networks.classifier),
            auxiliary=auxiliary,
            main=auxiliary if networks.main is networks.auxiliary else shared(networks.main),
            enhancer=shared(networks.enhancer),
            discriminator=shared(networks.discriminator),
            alexnet=load_alexnet(fabric.device) if recipe.perceptual else None,
            vgg=load_vgg(fabric.device) if recipe.vgg else None,
            device=fabric.device,
            recipe=recipe,
        )

    def precision(self) -> torch.autocast:
        """The context in which networks are called; losses are taken outside, in float32.

        Fabric's own would also convert whatever goes into a network and comes out of it.
        """
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.bfloat16)


def compile_networks(networks: Networks) -> None:
    """Compile the networks' forwards, each on its own; if that cannot be, say so and go on."""
    if can_compile(next(networks.parameters()).device):
        every = (
            networks.classifier,
            networks.auxiliary,
            networks.main,
            networks.enhancer,
            networks.discriminator,
        )
        for network in dict.fromkeys(every):  # one generator may have two names
            compile_network(network)


def compile_network(network: nn.Module) -> None:
    """Compile a network's forward, but for SAP's attention: it would not learn (models/sap.py)."""
    if isinstance(network, MainGenerator):
        network.sap.leave_attention_uncompiled()
    network.compile(dynamic=False)


def can_compile(device: torch.device) -> bool:
    """Whether torch.compile works here. It is found out by compiling something, and said if not."""
    try:
        torch.compile(lambda x: x + 1)(torch.zeros(2, device=device))
    except (
        Exception
    ) as problem:  # a missing compiler, missing headers: each with a class of its own
        reason = str(problem).strip().splitlines()[0] if str(problem).strip() else "no reason given"
        print(f"torch.compile does not work here ({reason}): the training will be slower")
        return False
    return True
