"""How fast training is: photos/s of a step of stages 1 and 3, and what that is of the machine.

    python benchmarks/train_step.py DATA [RECIPE [ROUNDS]]

DATA is a prepared folder. RECIPE (small) gives sizes, batches and precision, the first phase of
each stage its resolution. In each of ROUNDS (5), one after the other: our step on a batch in
memory, the same with the data loader, a plain float32 implementation of the same objective, and
bfloat16 matrix products. The table has the medians; the ceiling is the best product. That the two
steps have the same losses is checked first. Wants idle cores.

The plain one is what one would write from the paper: float32, the usual memory layout, torch's own
normalisation, resize and then convolution, D called for the real, the generated and the generated
photo again. A second table goes from it to ours, one difference after the other.
"""

import sys
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from functools import partial
from itertools import cycle
from pathlib import Path
from statistics import median

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Adam
from torch.utils.flop_counter import FlopCounterMode

from deepfacepencil.data.dataset import FacePairs
from deepfacepencil.models.blocks import InstanceNorm, ResizeConvolution
from deepfacepencil.training import losses
from deepfacepencil.training.batches import Batch, batches, to_tensors
from deepfacepencil.training.networks import Compute, Networks, compile_networks
from deepfacepencil.training.recipes import RECIPES, STAGE_1, STAGE_3, Adversary, Phase, Recipe
from deepfacepencil.training.stages import STAGES

SIDE = 2048  # of the matrices
STEPS = 5  # of each kind in a round

Step = Callable[[Batch], dict[str, Tensor]]


def our_step(networks: Networks, recipe: Recipe, stage: str) -> Step:
    """A step as training/loop.py makes it, the moving average included."""
    networks.requires_grad_(False)
    g_parameters = STAGES[stage].generator_parameters(networks)
    d_parameters = list(networks.discriminator.parameters())
    for parameter in g_parameters + d_parameters:
        parameter.requires_grad_(True)
    compute = Compute.of(networks, Fabric(accelerator="cpu", devices=1), recipe)
    optimisers = [Adam(group, fused=True) for group in (g_parameters, d_parameters)]

    def step(batch: Batch) -> dict[str, Tensor]:
        values = STAGES[stage].step(networks, compute, batch, *optimisers)
        networks.update_ema(0.999)
        return values

    return step


class PlainNorm(nn.Module):
    """torch's own."""

    def forward(self, x: Tensor) -> Tensor:
        return F.instance_norm(x)


def plain(network: nn.Module) -> None:
    """Put plain layers with the same weights in the place of ours."""
    for name, child in network.named_children():
        if isinstance(child, InstanceNorm):
            setattr(network, name, PlainNorm())
        elif isinstance(child, ResizeConvolution):
            convolution = nn.Conv2d(*child.weight.shape[:2], 3, padding=1, bias=False)
            convolution.weight.data = child.weight.data.transpose(0, 1).flip(2, 3).contiguous()
            setattr(network, name, nn.Sequential(nn.Upsample(scale_factor=2), convolution))
        else:
            plain(child)


def plain_step(
    ours: Networks,
    stage: str,
    memory_format: torch.memory_format = torch.contiguous_format,
    bfloat16: bool = False,
    our_layers: bool = False,
) -> Step:
    """Eq. 8 as it reads, for the generators of the stage."""
    networks = deepcopy(ours).requires_grad_(True)
    if not our_layers:
        plain(networks)
    networks.to(memory_format=memory_format)  # type: ignore[call-overload]
    precision = partial(torch.autocast, "cpu", torch.bfloat16, enabled=bfloat16)
    d = networks.discriminator
    generators = {"a": networks.auxiliary, "m": networks.main}
    if stage == STAGE_1:
        del generators["m"]
    networks.main.sap.classifier.requires_grad_(False)
    trained = {p for generator in generators.values() for p in generator.parameters()}
    optimiser = Adam([p for p in trained if p.requires_grad])
    d_optimiser = Adam(d.parameters())

    def step(batch: Batch) -> dict[str, Tensor]:
        x, values, features, d_terms = batch.photo, {}, [], []
        for name, generator in generators.items():
            sketch = batch.S_syn if name == "a" else batch.S_dfm
            with precision():
                generated = generator(sketch)
                real, fake = d(sketch, x), d(sketch, generated.photo)
            features.append(generated.features)
            values[f"rec {name}"] = losses.reconstruction(generated.photo, x)
            values[f"adv {name}"] = losses.adversarial_generator(fake)
            matching = losses.discriminator_feature_matching(fake, real)
            values[f"dfm {name}"] = Recipe.discriminator_matching * matching
            with precision():
                fake = d(sketch, generated.photo.detach())
            d_terms.append(losses.adversarial_discriminator(real, fake))
        if len(generators) == 2:
            gfm = losses.generator_feature_matching(*features)
            values["gfm"] = Recipe.generator_matching * gfm
        loss, d_loss = sum(values.values()), sum(d_terms) / len(d_terms)
        optimiser.zero_grad()
        loss.backward()
        d_optimiser.zero_grad()
        d_loss.backward()
        optimiser.step()
        d_optimiser.step()
        return values | {"d": d_loss}

    return step


def seconds(step: Step, source: Iterator[Batch]) -> float:
    """Of a step, the wait for its batch included."""
    start = time.perf_counter()
    for _ in range(STEPS):
        step(next(source))
    return (time.perf_counter() - start) / STEPS


def products_per_second() -> float:
    """FLOP/s of a large bfloat16 matrix product: the best of a few."""
    a, b = torch.randn(2, SIDE, SIDE).bfloat16()
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        a @ b
        best = min(best, time.perf_counter() - start)
    return 2 * SIDE**3 / best


def endless(data: Path, recipe: Recipe, phase: Phase) -> Iterator[Batch]:
    """Batches as the phase has them, without an end."""
    distortion = recipe.distortion if STAGES[phase.stage].deforms else None
    pairs = FacePairs(data, "train", phase.resolution, distortion, flip=True)
    going_on = replace(phase, images=sys.maxsize)
    return (to_tensors(batch, torch.device("cpu")) for batch in batches(pairs, going_on, 0, 0))


def measure(data: Path, recipe: Recipe, phase: Phase, rounds: int) -> None:
    """Print a line of the table."""
    loader = endless(data, recipe, phase)
    batch = next(loader)
    torch.manual_seed(0)
    networks = Networks(recipe)
    theirs = plain_step(networks, phase.stage)
    counted = our_step(deepcopy(networks), recipe, phase.stage)
    with FlopCounterMode(display=False) as counter:
        counted(batch)
    if recipe.compiled:
        compile_networks(networks)
    ours = our_step(networks, recipe, phase.stage)
    expected = theirs(batch)
    for name, value in ours(batch).items():
        if name in expected:
            torch.testing.assert_close(value, expected[name].detach(), rtol=0.03, atol=0.03)
    kinds = {
        "memory": (ours, cycle([batch])),
        "loader": (ours, loader),
        "plain": (theirs, cycle([batch])),
    }
    for step, source in kinds.values():  # compiles, fills the loader
        seconds(step, source)
    times: dict[str, list[float]] = {name: [] for name in kinds}
    ceiling = 0.0
    for _ in range(rounds):
        for name, (step, source) in kinds.items():
            times[name].append(seconds(step, source))
        ceiling = max(ceiling, products_per_second())
    taken = {name: median(values) for name, values in times.items()}
    used = counter.get_total_flops() / taken["memory"]
    print(
        f"{phase.stage}, {phase.resolution} px, batch {phase.batch:3}"
        f"{phase.batch / taken['loader']:10.1f}{phase.batch / taken['plain']:10.1f}"
        f"{taken['plain'] / taken['loader']:9.1f}x{used / 1e9:10.0f}{used / ceiling:10.0%}"
        f"{1 - taken['memory'] / taken['loader']:10.1%}"
    )


def climb(data: Path, recipe: Recipe, phase: Phase, rounds: int) -> None:
    """Print what each difference between the plain step and ours brings."""
    batch = next(endless(data, recipe, phase))
    torch.manual_seed(0)
    networks = Networks(recipe)
    last = torch.channels_last
    of_them = partial(plain_step, networks, phase.stage)
    steps = {
        "plain": of_them(),
        "convolutions in bfloat16": of_them(bfloat16=True),
        "channels_last": of_them(memory_format=last, bfloat16=True),
        "our normalisation and doubling": of_them(last, bfloat16=True, our_layers=True),
        "D once for both, fused Adam, EMA": our_step(deepcopy(networks), recipe, phase.stage),
    }
    if recipe.compiled:
        compile_networks(networks)
        steps["torch.compile"] = our_step(networks, recipe, phase.stage)
    times: dict[str, list[float]] = {name: [] for name in steps}
    for once in range(rounds + 1):
        for name, step in steps.items():
            taken = seconds(step, cycle([batch]))
            if once:  # the first time compiles
                times[name].append(taken)
    slowest = median(times["plain"])
    print(f"\n{phase.stage}, {phase.resolution} px, batch {phase.batch}, step by step to ours:")
    for name, values in times.items():
        taken = median(values)
        print(f"{name:34}{taken * 1000:8.0f} ms{slowest / taken:7.1f}x")


def main(data: Path, recipe: str = "small", rounds: int = 5) -> None:
    """Measure and print a table."""
    print(
        f"{'':29}{'photos/s':>10}{'plain':>10}{'':10}{'GFLOP/s':>10}{'ceiling':>10}{'loader':>10}"
    )
    # Eq. 8 as it stands, which the plain implementation has.
    measured = replace(RECIPES[recipe], adversary=Adversary(), reconstruction=1.0)
    first = {phase.stage: phase for phase in reversed(measured.phases)}
    for stage in (STAGE_1, STAGE_3):
        measure(data, measured, first[stage], rounds)
    climb(data, measured, first[STAGE_1], rounds)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:3], *map(int, sys.argv[3:]))
