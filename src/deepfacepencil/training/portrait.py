"""Training G_a and G_m on a body that knows faces: three stages as in section 3.3 (ours).

The latent of every photo is known, so regression comes first; SAP, the two encoders, L_GFM and an
adversarial loss on the body's features are the paper's. docs/paper.md says which equation became
what.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import accumulate, islice
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..models.classifier import Classifier
from ..models.condition import Condition
from ..models.mobile_stylegan import CHANNELS, LATENT
from ..models.portrait import PortraitBody, PortraitEncoder, Steered
from ..models.portrait_body import Taught
from ..models.sap import SpatialAttentionPooling
from ..sketch.labels import CLASSES
from . import batches
from .losses import classification
from .precision import autocast

# Classes whose place matters most: eyes, brows, nose, mouth, lips; glasses.
_FEATURES = (2, 3, 4, 5, 6, 7, 10, 11, 12)
_SKIN = (1, 8, 9)  # and ears
_GLASSES = CLASSES.index("eye_g")
_WORST = 4.0  # of a photo's features, in standard deviations: more than that teaches nothing
CLASSIFIER_RATE = 1e-3
_LONGEST_GRADIENT, _BROKEN_GRADIENT = 2.0, 2000.0


@dataclass(frozen=True)
class PortraitRecipe:
    """What a training of a portrait generator is; counts are drawings."""

    classifier: int = 3_000  # C: is this drawing edge-aligned or deformed?
    stage_1: int = 10_000  # E_a on clean drawings
    stage_2: int = 60_000  # SAP and E_m on deformed ones, with L_GFM
    stage_3: int = 12_000  # both, with the adversarial loss
    latents_only: int = 4_000  # drawings of stage 1 before the body is asked
    batch: int = 24
    rate: float = 4e-4
    discriminator_rate: float = 1e-4
    label_weight: float = 2.0
    feature_weight: float = 1.0
    nll_weight: float = 4.0
    told_weight: float = 1.0
    beard_weight: float = 2.0
    worn_weight: float = 1.0
    gfm_weight: float = 0.5
    still_weight: float = 0.5
    adversarial_weight: float = 0.05
    gradient_penalty: float = 1.0  # R1
    face_weight: float = 0.3
    clean_share: float = 0.25  # of G_m's drawings that are S_syn: precise lines are to be followed
    own_share: float = 0.5  # of a batch whose code is near the photo's own
    average: float = 0.998  # of G_m's weights, a step
    seed: int = 0
    compiled: bool = True  # torch.compile: needs a C++ compiler on a CPU

    @property
    def steps(self) -> tuple[int, int, int, int]:
        stages = (self.classifier, self.stage_1, self.stage_2, self.stage_3)
        return tuple(n // self.batch for n in stages)  # type: ignore[return-value]


class FeatureDiscriminator(nn.Module):
    """D: whether features at 32 px are the body's own or corrected.

    (B, 512, 32, 32) -> logits (B, 1, 8, 8).
    """

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(CHANNELS[0], 128, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(128, 192, 3, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(192, 256, 3, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(256, 1, 3, padding=1),
        )

    def forward(self, features: Tensor) -> Tensor:
        return self.layers(features)


class Networks(nn.Module):
    """All that a training holds."""

    deviation: Tensor  # (1, 512, 1, 1) of the body's features
    label_weights: Tensor  # (19,)
    missed: Tensor  # (512, 512), the covariance of what predictions of v miss

    def __init__(self, taught: Taught) -> None:
        super().__init__()
        self.body, self.beards = taught.body.requires_grad_(False), taught.worn.beards
        self.auxiliary, self.main = PortraitEncoder(False), PortraitEncoder(True)
        self.averaged = PortraitEncoder(True).requires_grad_(False)
        self.discriminator = FeatureDiscriminator()
        self.register_buffer("deviation", taught.deviation[None, :, None, None])
        self.register_buffer("label_weights", taught.label_weights)
        self.register_buffer("missed", torch.eye(LATENT))

    @property
    def classifier(self) -> Classifier:
        """C, which SAP of G_m looks through; no adversarial stage trains it."""
        assert isinstance(self.main.stem, SpatialAttentionPooling)
        return self.main.stem.classifier


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


def beard_loss(score: Tensor, bearded: Tensor, said: Tensor) -> Tensor:
    """Of scores of cells (B, 32, 32), the hinge loss (B,) where the drawing says beard or none.

    A photo's labels know no beard, so no other loss asks for it where it was drawn.
    """
    missing = bearded * F.relu(1 - score) + (1 - bearded) * F.relu(score)
    missing = said * missing.clamp_max(_WORST)
    return missing.sum(dim=(1, 2)) / said.sum(dim=(1, 2)).clamp_min(1)


def worn_loss(drawn: Tensor, beard: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy (B,) of where the drawing has a beard and glasses, logits (B, 2, 32, 32).

    `beard` (B, 2, 32, 32) is how bearded cells are and whether the drawing says so; `labels`
    (B, 4, 64, 64) know glasses.
    """
    bearded, said = beard.unbind(1)
    glasses = F.avg_pool2d((labels == _GLASSES).float().mean(1, keepdim=True), 2)[:, 0]
    of_beard, of_glasses = F.binary_cross_entropy_with_logits(
        drawn, torch.stack([bearded, glasses], dim=1), reduction="none"
    ).unbind(1)
    of_beard = (said * of_beard).sum(dim=(1, 2)) / said.sum(dim=(1, 2)).clamp_min(1)
    return of_beard + of_glasses.mean(dim=(1, 2))


def feature_weights(labels: Tensor) -> Tensor:
    """How much each cell of 32 px matters, (B, 1, 32, 32).

    Most for eyes, brows, nose, mouth and glasses; little for hair, clothes and backdrop, where a
    drawing says too little for a regression: it gives the average of all that they could be.
    """
    of_features = torch.isin(labels, torch.tensor(_FEATURES)).float().amax(1, keepdim=True)
    of_skin = torch.isin(labels, torch.tensor(_SKIN)).float().amax(1, keepdim=True)
    weights = torch.maximum(of_features, 0.02 + 0.3 * of_skin)
    return F.max_pool2d(weights, 2)


def settled(logits: Tensor, labels: Tensor) -> Tensor:
    """Where the uncorrected features show what is drawn already, (B, 1, 32, 32) in {0, 1}.

    Not on eyes, mouth and so on: there the same class is not yet the same look.
    """
    shown = logits.argmax(1)[:, None]  # (B, 1, 64, 64)
    right = (shown == labels).all(1, keepdim=True)
    right = right & ~torch.isin(labels, torch.tensor(_FEATURES)).any(1, keepdim=True)
    return -F.max_pool2d(-right.float(), 2)


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
            "classifier": self._adam(networks.classifier, CLASSIFIER_RATE),
        }
        self.encoders: dict[str, Any] = {"auxiliary": networks.auxiliary, "main": networks.main}
        self.corrected: Any = self._corrected
        if compiled:
            networks.main.stem.leave_attention_uncompiled()  # type: ignore[operator]
            self.encoders = {name: torch.compile(e) for name, e in self.encoders.items()}
            self.corrected = torch.compile(self._corrected)

    @staticmethod
    def _adam(network: nn.Module, rate: float) -> torch.optim.Adam:
        return torch.optim.Adam(network.parameters(), rate, betas=(0.9, 0.99), eps=1e-7)

    @property
    def stage(self) -> int:
        """0 while C is trained, then 1, 2 or 3."""
        ends = list(accumulate(self.recipe.steps))
        return min(sum(self.step >= end for end in ends), 3)

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
        before = self.recipe.steps[0]
        if self.step == before + self.recipe.latents_only // self.recipe.batch:
            self._fit_axes(self.networks.auxiliary)
        if self.step == before + self.recipe.steps[1]:
            self._begin_main()
        if self.stage == 0:
            numbers = self._classifier_step(batch)
        elif self.stage == 1:
            numbers = self._encoder_step("auxiliary", batch, batch["S_syn"], rng)
        else:
            batch = self._with_clean(batch, rng)
            numbers = self._encoder_step("main", batch, batch["S_dfm"], rng)
            if self.stage == 3 and self.step % 4 == 0:
                extra = self._encoder_step("auxiliary", batch, batch["S_syn"], rng)
                numbers |= {f"a_{name}": value for name, value in extra.items()}
        self.step += 1
        return numbers

    def _with_clean(self, batch: dict[str, Tensor], rng: torch.Generator) -> dict[str, Tensor]:
        clean = torch.rand(len(batch["w"]), generator=rng) < self.recipe.clean_share
        sketches = torch.where(clean[:, None, None, None], batch["S_syn"], batch["S_dfm"])
        drawn = torch.where(clean[:, None], 1.0, batch["drawn"])
        return {**batch, "S_dfm": sketches, "drawn": drawn}

    def _classifier_step(self, batch: dict[str, Tensor]) -> dict[str, float]:
        """C: is the sketch edge-aligned or deformed? (section 3.2)."""
        classifier = self.networks.classifier.requires_grad_(True)
        sketches = torch.cat([batch["S_syn"], batch["S_dfm"]])
        clean, deformed = classifier(sketches).chunk(2)
        loss = classification(clean, deformed)
        self._update("classifier", loss, CLASSIFIER_RATE)
        classifier.requires_grad_(False)
        right = ((clean < 0).float().mean() + (deformed > 0).float().mean()) / 2
        return {"classifier": float(loss.detach()), "classifier accuracy": float(right)}

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
        before = recipe.steps[0] + recipe.latents_only // recipe.batch
        if name == "auxiliary" and self.step < before:
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
            own = round(recipe.own_share * len(v))
            with torch.no_grad():
                target = body.features(batch["w"][:own])
                plain = body.features(w)
                still = settled(body.labels(plain), batch["labels"])
                still = torch.maximum(still, 1 - drawn.square()[:, None, None, None])
        complete = drawn.square()
        labels = (complete * label_loss(logits, batch["labels"], nets.label_weights)).mean()
        cells = feature_weights(batch["labels"][:own])
        off = ((features[:own] - target).float() / nets.deviation).abs().mean(1, keepdim=True)
        regression = (off * cells).mean(dim=(1, 2, 3)) / cells.mean(dim=(1, 2, 3))
        regression = regression.clamp_max(_WORST)
        regression = ((0.1 + 0.9 * complete[:own]) * regression).mean()
        moved = ((features - plain).float() / nets.deviation).abs().mean(1, keepdim=True)
        stillness = (moved * still).mean()
        told = ((v - mean) @ body.space.told.T).square().mean(dim=1)
        told = (complete * told).mean()
        beard = self.networks.beards.score(features.float(), batch["cheeks"])
        beards = (complete * beard_loss(beard, *batch["beard"].unbind(1))).mean()
        assert steered.worn is not None
        worn = worn_loss(steered.worn.float(), batch["beard"], batch["labels"])
        worn = (complete * worn).mean()
        numbers = {
            "nll": nll.mean(),
            "beard": beards,
            "worn": worn,
            "told": told,
            "labels": labels,
            "features": regression,
            "still": stillness,
        }
        loss = (
            recipe.nll_weight * nll.mean()
            + recipe.told_weight * told
            + recipe.beard_weight * beards
            + recipe.worn_weight * worn
            + recipe.label_weight * labels
            + recipe.feature_weight * regression
            + recipe.still_weight * stillness
        )
        if name == "main":
            face = F.binary_cross_entropy_with_logits(steered.face, drawn)
            numbers["face"] = face
            loss = loss + recipe.face_weight * face
            if self.stage == 2 or self.step % 4 == 0:
                gfm = self._guidance(steered, batch, drawn)
                numbers["gfm"] = gfm
                loss = loss + recipe.gfm_weight * gfm
        scaled = self._scaled(features)
        if recipe.adversarial_weight:
            with autocast():
                fooled = nets.discriminator(scaled)
            adversarial = F.softplus(-fooled.float()).mean()
            numbers["adversarial"] = adversarial
            loss = loss + recipe.adversarial_weight * adversarial
        numbers["gradient"] = self._update(name, loss)
        if recipe.adversarial_weight:
            numbers |= self._d_step(self._scaled(plain), scaled.detach())
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

    def _d_step(self, real: Tensor, made: Tensor) -> dict[str, Tensor]:
        """Eq. 5 with the logistic loss, and R1 (Mescheder et al., 2018) in every fourth step.

        Without R1 the logits of D ran away, and the corrections with them.
        """
        nets, penalised = self.networks, self.step % 4 == 0
        real = real.float().requires_grad_(penalised)
        with autocast():
            on_real = nets.discriminator(real).float()
            on_made = nets.discriminator(made).float()
        loss = F.softplus(-on_real).mean() + F.softplus(on_made).mean()
        numbers = {"d": loss}
        if penalised:
            (gradient,) = torch.autograd.grad(on_real.sum(), real, create_graph=True)
            penalty = gradient.square().sum(dim=(1, 2, 3)).mean()
            numbers["r1"] = penalty
            loss = loss + 2 * self.recipe.gradient_penalty * penalty  # gamma / 2, for four steps
        self._update("discriminator", loss, self.recipe.discriminator_rate)
        return numbers

    def _update(self, name: str, loss: Tensor, rate: float | None = None) -> Tensor:
        """One step of Adam; returns the norm of the gradient before it was clipped."""
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
        return norm

    @torch.no_grad()
    def _average(self) -> None:
        since = self.step - sum(self.recipe.steps[:2])
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
