"""The tables of models, of optimisers, and of the stable sets that fit a model.  A new model is one more line."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch

from lessons_lib import models
from lessons_lib.panels import Knob
from lessons_lib.playground.entry import Entry, smallest
from lessons_lib.stability import StableSet, Unconstrained, sets_for
from lessons_lib.stability.layers import make_orthogonal_

LSTM = partial(models.LSTM, input_clip=0.75)  # without a clip no LSTM can be certified
NO_SET = "none"


def n_gram(input_size: int, hidden_size: int, n: int) -> models.Windowed:
    return models.Windowed(LSTM(input_size, hidden_size), n)


def _knobs(width: int, layers: int, **more: Knob) -> dict[str, Knob]:
    return {
        "hidden_size": Knob("width", "Units of a layer, and of the embedding", 8, 256, width, 8),
        "layers": Knob("layers", "How many stand on each other", 1, 4, layers),
        **more,
    }


def _start(gain: float) -> Knob:
    tip = "Start with recurrent matrices that are this number times an orthogonal one. Off: PyTorch's own start"
    return Knob("gain", tip, 0.1, 4.0, gain, 0.1, "orthogonal W ×")


_KERNEL = Knob("kernel", "Inputs that one convolution looks at", 2, 8, 2)
_GATES = Knob("window", "Inputs that the gates see", 1, 8, 2)
_HEADS = Knob("heads", "Attention heads of a layer; the width is a multiple of twice their number", 1, 8, 4)
_WINDOW = Knob("window", "Tokens that a layer attends to, its own included", 1, 64, 16)
_N = Knob("n", "Tokens that a prediction may use", 1, 30, 10)

MODELS: dict[str, Entry] = {
    "tanh-RNN": Entry(
        "Recurrent: tanh(W h + U x + b).", models.TanhRNN, _knobs(96, 1, gain=_start(2.0)), optimizer="SGD"
    ),
    "GRU": Entry("Recurrent, with two gates.", models.GRU, _knobs(64, 1, gain=_start(1.0))),
    "LSTM": Entry("Recurrent, with three gates and a memory.", LSTM, _knobs(64, 1, gain=_start(1.0))),
    "linear recurrence": Entry("Linear in its state, one λ a unit.", models.LinearRecurrence, _knobs(64, 2)),
    "gated recurrence": Entry("Linear in its state, gated, bounded.", models.GatedRecurrence, _knobs(64, 2)),
    "QRNN": Entry(
        "Linear in its state: an LSTM whose gates see the last inputs, not the state.",
        models.QRNN,
        {"hidden_size": _knobs(64, 1)["hidden_size"], "window": _GATES},
    ),
    "selective recurrence": Entry("Linear; what it reads sets its λ.", models.SelectiveRecurrence, _knobs(64, 2)),
    "n-gram LSTM": Entry(
        "Feed-forward: an LSTM that begins anew n tokens before each prediction.",
        n_gram,
        {"hidden_size": _knobs(64, 1)["hidden_size"], "n": _N},
    ),
    "TCN": Entry("Feed-forward: each layer reaches twice as far.", models.TCN, _knobs(64, 4, kernel_size=_KERNEL)),
    "gated convolution": Entry(
        "Feed-forward: convolutions with gates.", models.GatedConvolution, _knobs(64, 3, kernel_size=_KERNEL)
    ),
    "WaveNet": Entry("Feed-forward: gated, each layer reaches twice as far.", models.WaveNet, _knobs(64, 4)),
    "Transformer": Entry(
        "Feed-forward: attention to a window.", models.Transformer, _knobs(64, 2, heads=_HEADS, window=_WINDOW)
    ),
}


def _rate(usual: float) -> dict[str, Knob]:
    tip = "The optimiser's step size, on a logarithmic scale"
    return {"learning_rate": Knob("learning rate", tip, 1e-4, 10.0, usual, 0.05, logarithmic=True)}


OPTIMIZERS: dict[str, Entry] = {
    "SGD": Entry("Gradient descent, the gradient clipped at norm 0.25.", partial(dict, gradient_clip=0.25), _rate(2.0)),
    "Adam": Entry("The gradient clipped at norm 1.", partial(dict, gradient_clip=1.0), _rate(4e-3)),
}


def core(model: str, input_size: int, *, gain: float | None = None, **numbers: Any) -> models.Core:
    """The core that a line of the table builds; ValueError where its numbers do not fit each other."""
    built = MODELS[model].build(input_size, **numbers)
    if gain is not None:
        make_orthogonal_(built, gain)
    return built


def sets_of(model: str) -> dict[str, Entry]:
    """The table of the stable sets that fit a model, each with its knob; the first line is no set."""
    with torch.device("meta"):
        fitting = [one for one in sets_for(core(model, 8, **smallest(MODELS, model).numbers)) if one.knob is not None]
    says = "At first: the panel has a switch for one." if fitting else "The library has none for this model."
    return {NO_SET: Entry(says, Unconstrained), **{one.name: _entry(one) for one in fitting}}


def _entry(one: StableSet) -> Entry:
    assert one.knob is not None
    knob = Knob(one.knob.label, one.knob.tooltip, one.knob.low, one.knob.high, one.knob_value, one.knob.step)
    return Entry(one.knob.tooltip, one.with_knob, {"value": knob})
