"""How large must k be?  Models on which the theorem's k and the measured one can be set side by side.

Miller & Hardt (arXiv 1805.10369): a λ-contractive model and its k-truncation differ by at most L_f λ^k M, so that k of
the order of log(1/ε) / log(1/λ) suffices for an accuracy ε.  ``LOSSES`` asks the same of trained models, in nats.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from lessons_lib.corpora.download import WIKITEXT2
from lessons_lib.experiments import stable_regime
from lessons_lib.experiments.experiment import Experiment, grid
from lessons_lib.experiments.reading import text
from lessons_lib.experiments.training import trained
from lessons_lib.models import LanguageModel, TanhRNN, evaluating, seeded, truncated_outputs
from lessons_lib.stability import SpectralBall, Unconstrained, spectral_norm, truncation_bounds, truncation_error

WIDTH, INPUTS, LENGTH = 64, 16, 300


def recurrent(rate: float, *, seed: int = 0) -> TanhRNN:
    """W = ``rate`` x orthogonal, ‖U‖_2 = 1, no biases, float64: a tanh-RNN whose λ is ``rate`` exactly."""
    with seeded(seed):
        core = TanhRNN(INPUTS, WIDTH).double()
        cell: Any = core.cells[0]
        with torch.no_grad():
            nn.init.orthogonal_(cell.weight_hh_l0, gain=rate)
            nn.init.orthogonal_(cell.weight_ih_l0)
            cell.bias_ih_l0.zero_(), cell.bias_hh_l0.zero_()
    return core


def unit_inputs(length: int = LENGTH, *, seed: int = 0) -> Tensor:
    """Random directions of length 1: (1, length, 16), float64."""
    generator = torch.Generator().manual_seed(seed)
    return nn.functional.normalize(torch.randn(1, length, INPUTS, dtype=torch.float64, generator=generator), dim=-1)


def errors(core: TanhRNN, inputs: Tensor, longest: int) -> Tensor:
    """max over t of ‖y_t - y_t^k‖_2 for k = 1, ..., longest: (longest,)."""
    return truncation_error(core, inputs, range(1, longest + 1))


def measured_context(found: Sequence[float] | Tensor, accuracy: float) -> int | float:
    """The smallest k from which on every error is within the accuracy; inf when none of them is.

    ``found[k - 1]`` is the error at k.
    """
    over = [k for k, error in enumerate(found, start=1) if not error <= accuracy]
    last = over[-1] if over else 0
    return math.inf if last == len(found) else last + 1


def two_layers(rate: float = 0.8, gain: float = 5.0) -> TanhRNN:
    """Two layers of one unit each, W = ``rate`` in both, the upper one fed ``gain`` times the lower, float64.

    One λ = max ‖W_l‖ for both does not bound what truncation does to it: the upper layer's error feeds on what the
    lower one has not forgotten yet, and falls like k λ^k.
    """
    core = TanhRNN(1, 1, layers=2).double()
    with torch.no_grad():
        for cell, inward in zip(core.cells, (1.0, gain), strict=True):
            layer: Any = cell
            layer.weight_hh_l0.fill_(rate), layer.weight_ih_l0.fill_(inward)
            layer.bias_ih_l0.zero_(), layer.bias_hh_l0.zero_()
    return core


def one_shout(length: int = 60, size: float = 1.0) -> Tensor:
    """A single input, then silence: (1, length, 1), float64."""
    inputs = torch.zeros(1, length, 1, dtype=torch.float64)
    inputs[0, 0, 0] = size
    return inputs


# -- what is stored: the loss of trained models against k --------------------------------------------------------------

TRAINING_STEPS, SEEDS, BOUND = 600, (0, 1, 2), 0.9
FAMILIES = {"rnn": "rnn", "stable rnn": "rnn", "lstm": "lstm"}  # the core of each
CONTEXT_LENGTHS = (1, 2, 3, 5, 8, 13, 20, 30, 50, 80, 130, 200)
ROWS, COLUMNS = 9, 421  # sequences of held-out words, the last word of each only to be predicted


@dataclass(frozen=True)
class LossAgainstK:
    """A trained model that sees the last k words only.

    ``loss``: nats per word at CONTEXT_LENGTHS; ``whole``: with the whole past, at the same positions; ``bound``: on
    their difference, None where nothing is certified.
    """

    family: str
    seed: int
    loss: list[float]
    whole: float
    bound: list[float] | None


@torch.no_grad()
def loss_against_k(model: LanguageModel, words: Tensor, context_lengths: Sequence[int]) -> tuple[list[float], float]:
    """The mean loss at each k, and with the whole past, at all positions whose past is longer than every k.

    Args:
        words: (rows, time + 1) tokens.
    """
    longest = max(context_lengths)
    words = words.to(model.embedding.weight.device)
    with evaluating(model):
        inputs, targets = model.embed(words[:, :-1]), words[:, longest + 1 :]
        whole = float(model.loss(model.core(inputs)[0][:, longest:], targets))
        cut = enumerate(truncated_outputs(model.core, inputs, longest), start=1)
        losses = {k: float(model.loss(outputs[:, longest:], targets)) for k, outputs in cut if k in context_lengths}
    return [losses[k] for k in context_lengths], whole


def loss_bounds(model: LanguageModel, context_lengths: Sequence[int]) -> list[float] | None:
    """The theorem's bound in nats: |loss - loss^k| <= √2 ‖logits - logits^k‖_2; None without a certificate.

    The gradient of the cross entropy is p - e with p a distribution and e a corner: never longer than √2.
    """
    bounds = truncation_bounds(
        model.core,
        context_lengths,
        input_bound=float(model.embedding.weight.detach().norm(dim=1).max()),
        output_lipschitz=math.sqrt(2) * spectral_norm(model.decoder.weight),
    )
    return bounds if bounds[-1] < bounds[0] else None


def measure(family: str, seed: int) -> LossAgainstK:
    """Train as :mod:`stable_regime` does, projected onto ‖W‖ <= 0.9 or free, and cut the past off."""
    ball = SpectralBall(BOUND) if family == "stable rnn" else Unconstrained()
    how = replace(stable_regime.settings(), stable_set=ball)
    model = trained(stable_regime.factory(FAMILIES[family], seed), how, steps=TRAINING_STEPS, seed=seed).model
    words = text().held_out[: ROWS * COLUMNS].view(ROWS, COLUMNS)
    losses, whole = loss_against_k(model, words, CONTEXT_LENGTHS)
    bound = loss_bounds(model, CONTEXT_LENGTHS) if family == "stable rnn" else None
    rounded = bound and [float(f"{value:.4g}") for value in bound]
    return LossAgainstK(family, seed, [round(loss, 5) for loss in losses], round(whole, 5), rounded)


LOSSES = Experiment(
    "loss_against_k",
    "the loss of trained models that see the last k words only, k = 1 to 200, beside the theorem's bound",
    grid(family=FAMILIES, seed=SEEDS),
    measure,
    LossAgainstK,
    {
        **stable_regime.TRAINING,
        "steps": TRAINING_STEPS,
        "bound": BOUND,
        "context_lengths": CONTEXT_LENGTHS,
        "held_out": {"rows": ROWS, "columns": COLUMNS},
    },
    unit="nats per word",
    data=WIKITEXT2,
)
