"""Training G_a and G_m on a body that knows faces: three stages as in section 3.3 (ours).

The latent of every photo is known, so regression comes first; SAP, the two encoders, L_GFM and an
adversarial loss on the body's features are the paper's. docs/paper.md says which equation became
what.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..models.condition import Condition
from ..models.mobile_stylegan import CHANNELS, LATENT
from ..models.portrait import PortraitBody, PortraitEncoder, Steered
from . import batches
from .precision import autocast

# Classes whose place matters most: eyes, brows, nose, mouth, lips; glasses.
_FEATURES = (2, 3, 4, 5, 6, 7, 10, 11, 12)
_WORST = 4.0  # of a photo's features, in standard deviations: more than that teaches nothing
_LONGEST_GRADIENT, _BROKEN_GRADIENT = 2.0, 100.0


@dataclass(frozen=True)
class PortraitRecipe:
    """What a training of a portrait generator is; counts are drawings."""

    stage_1: int = 10_000  # E_a on clean drawings
    stage_2: int = 32_000  # SAP and E_m on deformed ones, with L_GFM
    stage_3: int = 12_000  # both, with the adversarial loss
    latents_only: int = 4_000  # drawings of stage 1 before the body is asked
    batch: int = 24
    rate: float = 4e-4
    discriminator_rate: float = 1e-4
    label_weight: float = 1.0
    feature_weight: float = 1.0
    nll_weight: float = 1.0
    gfm_weight: float = 0.5
    adversarial_weight: float = 0.1
    face_weight: float = 0.3
    own_share: float = 0.5  # of a batch whose code is near the photo's own
    average: float = 0.998  # of G_m's weights, a step
    seed: int = 0
    compiled: bool = True  # torch.compile: needs a C++ compiler on a CPU

    @property
    def steps(self) -> tuple[int, int, int]:
        return tuple(n // self.batch for n in (self.stage_1, self.stage_2, self.stage_3))  # type: ignore[return-value]


class FeatureDiscriminator(nn.Module):
    """D: whether features at 32 px are the body's own or a drawing's correction of them.

    (B, 512, 32, 32) and the sketch (B, 1, 128, 128) -> logits (B, 1, 8, 8).
    """

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(CHANNELS[0] + 16, 128, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(128, 192, 3, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(192, 256, 3, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(256, 1, 3, padding=1),
        )

    def forward(self, features: Tensor, sketch: Tensor) -> Tensor:
        return self.layers(torch.cat([features, F.pixel_unshuffle(sketch, 4)], dim=1))


class Networks(nn.Module):
    """All that a training holds."""

    deviation: Tensor  # (1, 512, 1, 1) of the body's features
    label_weights: Tensor  # (19,)
    missed: Tensor  # (512, 512), the covariance of what predictions of v miss

    def __init__(self, body: PortraitBody, deviation: Tensor, label_weights: Tensor) -> None:
        super().__init__()
        self.body = body.requires_grad_(False)
        self.auxiliary, self.main = PortraitEncoder(False), PortraitEncoder(True)
        self.averaged = PortraitEncoder(True).requires_grad_(False)
        self.discriminator = FeatureDiscriminator()
        self.register_buffer("deviation", deviation[None, :, None, None])
        self.register_buffer("label_weights", label_weights)
        self.register_buffer("missed", torch.eye(LATENT))


def negative_log_likelihood(body: PortraitBody, steered: Steered, v: Tensor) -> Tensor:
    """Of the true latents v (B, 512) under what the drawing says of them, (B,)."""
    off = (v - steered.mean) @ body.space.axes.T
    scale = steered.log_scale.exp()
    return (0.5 * (off / scale).square() + steered.log_scale).mean(dim=1)


def codes(
    body: PortraitBody, steered: Steered, v: Tensor, share: float, rng: torch.Generator
) -> Tensor:
    """Codes (B, 512): in `share` of the batch near the photo's own, elsewhere any.

    The photo's own code is that which draws v. Near it, the target is known; elsewhere, only what
    the drawing says of the photo.
    """
    own = ((v - steered.mean) @ body.space.axes.T / steered.log_scale.exp()).detach()
    own = own.clamp(-3, 3)
    count = round(share * len(v))
    near = torch.rand(len(v), 1, generator=rng) * 0.5 + 0.5
    near[count:] = 0
    noise = torch.randn(own.shape, generator=rng)
    return near * own + (1 - near.square()).sqrt() * noise


def label_loss(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Cross entropy (B,) of logits (B, 19, 64, 64) and the labels of four parts of each cell."""
    log_p = F.log_softmax(logits.float(), dim=1)
    losses = torch.stack(
        [F.nll_loss(log_p, part, weights, reduction="none") for part in labels.unbind(1)]
    )
    return losses.mean(dim=(0, 2, 3))


def feature_weights(labels: Tensor) -> Tensor:
    """How much each cell of 32 px matters, (B, 1, 32, 32): four times for eyes, brows, mouth."""
    of_features = torch.isin(labels, torch.tensor(_FEATURES)).float().amax(1, keepdim=True)
    return 1 + 3 * F.max_pool2d(of_features, 2)


class PortraitTraining:
    """One training: its networks, optimizers and where it stands."""

    def __init__(self, networks: Networks, recipe: PortraitRecipe, compiled: bool = True) -> None:
        self.networks, self.recipe, self.step = networks, recipe, 0
        for network in (networks.auxiliary, networks.main, networks.discriminator, networks.body):
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizers = {
            "auxiliary": self._adam(networks.auxiliary, recipe.rate),
            "main": self._adam(networks.main, recipe.rate),
            "discriminator": self._adam(networks.discriminator, recipe.discriminator_rate),
        }
        self.encoders: dict[str, Any] = {"auxiliary": networks.auxiliary, "main": networks.main}
        self.corrected: Any = self._corrected
        if compiled:
            networks.main.stem.leave_attention_uncompiled()  # type: ignore[operator]
            self.encoders = {name: torch.compile(e) for name, e in self.encoders.items()}
            self.corrected = torch.compile(self._corrected)

    @staticmethod
    def _adam(network: nn.Module, rate: float) -> torch.optim.Adam:
        trained = [p for p in network.parameters() if p.requires_grad]
        return torch.optim.Adam(trained, rate, betas=(0.9, 0.99), eps=1e-7)

    @property
    def stage(self) -> int:
        first, second, _ = self.recipe.steps
        return 1 if self.step < first else 2 if self.step < first + second else 3

    def _corrected(self, name: str, mean: Tensor, w: Tensor, levels: list[Tensor]) -> Tensor:
        encoder = self.networks.main if name == "main" else self.networks.auxiliary
        steered = Steered(mean, mean, levels, mean[:, 0], None)
        return self.networks.body.corrected(w, steered, encoder.corrections)

    def rate(self) -> float:
        """A short rise, then constant; to a twentieth over the last third of each training."""
        total = sum(self.recipe.steps)
        rise = min(1.0, (self.step + 1) / 100)
        left = (total - self.step) / total
        return self.recipe.rate * rise * min(1.0, 0.05 + 0.95 * 3 * left)

    def train_step(self, batch: dict[str, Tensor]) -> dict[str, float]:
        """One batch in the present stage; what came out of it, to log."""
        rng = torch.Generator().manual_seed(hash((self.recipe.seed, self.step)) % 2**63)
        if self.step == self.recipe.latents_only // self.recipe.batch:
            self._fit_axes(self.networks.auxiliary)
        if self.step == self.recipe.steps[0]:
            self._begin_main()
        if self.stage == 1:
            numbers = self._encoder_step("auxiliary", batch, batch["S_syn"], rng)
        else:
            numbers = self._encoder_step("main", batch, batch["S_dfm"], rng)
            if self.stage == 3 and self.step % 4 == 0:
                extra = self._encoder_step("auxiliary", batch, batch["S_syn"], rng)
                numbers |= {f"a_{name}": value for name, value in extra.items()}
        self.step += 1
        return numbers

    @torch.no_grad()
    def _fit_axes(self, encoder: PortraitEncoder) -> None:
        """From here on the code's axes are those along which predictions miss the latent."""
        variances = self.networks.body.space.fit_axes(self.networks.missed)
        encoder.log_scale.weight.zero_()
        encoder.log_scale.bias.copy_(0.5 * variances.clamp_min(1e-3).log())

    def _begin_main(self) -> None:
        """E_m begins as E_a, but for SAP."""
        own = self.networks.auxiliary.state_dict()
        kept = {name: value for name, value in own.items() if not name.startswith("stem.")}
        self.networks.main.load_state_dict(kept, strict=False)
        self.networks.averaged.load_state_dict(self.networks.main.state_dict())

    def _encoder_step(
        self, name: str, batch: dict[str, Tensor], sketch: Tensor, rng: torch.Generator
    ) -> dict[str, float]:
        nets, recipe = self.networks, self.recipe
        body, encoder = nets.body, self.encoders[name]
        drawn = batch["drawn"][:, 0] if name == "main" else torch.ones(len(sketch))
        v = body.space.to_v(batch["w"])
        with autocast():
            steered: Steered = encoder(Condition(sketch, appearance=batch["appearance"]))
        mean, log_scale = steered.mean.float(), steered.log_scale.float()
        steered = steered._replace(mean=mean, log_scale=log_scale, face=steered.face.float())
        nll = negative_log_likelihood(body, steered, v)
        if name == "auxiliary" and self.step < recipe.latents_only // recipe.batch:
            misses = (v - mean).detach()
            self.networks.missed.lerp_(misses.T @ misses / len(misses), 0.02)
            self._update(name, nll.mean())
            return {"nll": float(nll.mean().detach())}
        code = codes(body, steered, v, recipe.own_share, rng)
        # The likelihood alone teaches the latent: far from faces the body's gradient explodes.
        w = body.space.to_w(body.space.draw(mean.detach(), log_scale.detach(), code))
        with autocast():
            features = self.corrected(name, mean, w, steered.levels)
            logits = body.labels(features)
            with torch.no_grad():
                own = round(recipe.own_share * len(v))
                target = body.features(batch["w"])
        complete = drawn.square()
        labels = (complete * label_loss(logits, batch["labels"], nets.label_weights)).mean()
        off = ((features[:own] - target[:own]).float() / nets.deviation).abs()
        cells = feature_weights(batch["labels"][:own])
        regression = (off.mean(1, keepdim=True) * cells).mean(dim=(1, 2, 3)) / cells.mean(
            dim=(1, 2, 3)
        )
        regression = regression.clamp_max(_WORST)
        regression = ((0.1 + 0.9 * complete[:own]) * regression).mean()
        numbers = {"nll": nll.mean(), "labels": labels, "features": regression}
        loss = (
            recipe.nll_weight * nll.mean()
            + recipe.label_weight * labels
            + recipe.feature_weight * regression
        )
        if name == "main":
            face = F.binary_cross_entropy_with_logits(steered.face, drawn)
            numbers["face"] = face
            loss = loss + recipe.face_weight * face
            if self.stage == 2 or self.step % 4 == 0:
                gfm = self._guidance(steered, batch, drawn)
                numbers["gfm"] = gfm
                loss = loss + recipe.gfm_weight * gfm
        free = slice(own, None)
        scaled = self._scaled(features[free])
        if self.recipe.adversarial_weight and self.stage > 1:
            with autocast():
                fooled = nets.discriminator(scaled, sketch[free])
            adversarial = -fooled.float().mean()
            numbers["adversarial"] = adversarial
            loss = loss + recipe.adversarial_weight * adversarial
        self._update(name, loss)
        if self.recipe.adversarial_weight and self.stage > 1:
            real = self._scaled(target[free])
            numbers["d"] = self._d_step(real, scaled.detach(), batch["S_syn"][free], sketch[free])
        if name == "main":
            self._average()
        return {key: float(value.detach()) for key, value in numbers.items()}

    def _scaled(self, features: Tensor) -> Tensor:
        """As D judges features: in units of their spread, cut off where faces have none."""
        return (features / self.networks.deviation.to(features.dtype)).clamp(-8, 8)

    def _guidance(self, steered: Steered, batch: dict[str, Tensor], drawn: Tensor) -> Tensor:
        """L_GFM, Eq. 7: E_m is to see in S_dfm what E_a sees in S_syn."""
        with torch.no_grad(), autocast():
            guide: Steered = self.encoders["auxiliary"](
                Condition(batch["S_syn"], appearance=batch["appearance"])
            )
        weight = drawn.square()
        total = torch.zeros(())
        for own, wanted in zip(steered.levels, guide.levels, strict=True):
            spread = wanted.float().std()
            off = (own.float() - wanted.float()).abs().mean(dim=(1, 2, 3)) / spread
            total = total + (weight * off).mean()
        return total / len(guide.levels)

    def _d_step(self, real: Tensor, made: Tensor, clean: Tensor, drawn: Tensor) -> Tensor:
        """Eq. 5 with the hinge loss."""
        nets = self.networks
        nets.discriminator.requires_grad_(True)
        with autocast():
            on_real = nets.discriminator(real, clean).float()
            on_made = nets.discriminator(made, drawn).float()
        loss = F.relu(1 - on_real).mean() + F.relu(1 + on_made).mean()
        self._update("discriminator", loss, self.recipe.discriminator_rate)
        return loss

    def _update(self, name: str, loss: Tensor, rate: float | None = None) -> None:
        optimizer = self.optimizers[name]
        for group in optimizer.param_groups:
            group["lr"] = rate if rate is not None else self.rate()
        for other in self.optimizers.values():
            other.zero_grad(set_to_none=True)
        loss.backward()
        trained = [p for group in optimizer.param_groups for p in group["params"]]
        norm = nn.utils.clip_grad_norm_(trained, _LONGEST_GRADIENT)
        if norm < _BROKEN_GRADIENT:  # a code far from any face can make one that undoes hours
            optimizer.step()

    @torch.no_grad()
    def _average(self) -> None:
        since = self.step - self.recipe.steps[0]
        decay = min(self.recipe.average, (1 + since) / (10 + since))
        pairs = zip(
            self.networks.averaged.state_dict().values(),
            self.networks.main.state_dict().values(),
            strict=True,
        )
        for averaged, present in pairs:
            if averaged.is_floating_point():
                averaged.lerp_(present, 1 - decay)

    def state(self) -> dict[str, Any]:
        nets = self.networks
        return {
            "step": self.step,
            "recipe": asdict(self.recipe),
            "networks": {
                name: getattr(nets, name).state_dict()
                for name in ("auxiliary", "main", "averaged", "discriminator")
            },
            "axes": nets.body.space.axes,
            "missed": nets.missed,
            "optimizers": {name: o.state_dict() for name, o in self.optimizers.items()},
        }

    def load_state(self, state: dict[str, Any]) -> None:
        self.step = state["step"]
        for name, values in state["networks"].items():
            getattr(self.networks, name).load_state_dict(values)
        self.networks.body.space.axes.copy_(state["axes"])
        self.networks.missed.copy_(state["missed"])
        for name, values in state["optimizers"].items():
            self.optimizers[name].load_state_dict(values)


def visits(count: int, batch: int, seed: int, first_step: int) -> Iterator[list[tuple[int, int]]]:
    """(epoch, index) of each batch from `first_step` on."""
    upcoming = batches.visits(count, seed, first_step * batch)
    while True:
        yield list(islice(upcoming, batch))
