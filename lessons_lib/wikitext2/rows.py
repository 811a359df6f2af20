"""The WikiText-2 study's rows: one frozen config for each row and preset."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from torch import Tensor

from lessons_lib.models import LSTM, QRNN, Core, GatedRecurrence, LanguageModel, TanhRNN
from lessons_lib.models.adaptive import AdaptiveLanguageModel
from lessons_lib.stability import StableSet, set_named

CORES: dict[str, Any] = {"rnn": TanhRNN, "lstm": LSTM}


@dataclass(frozen=True)
class StudyConfig:
    """Everything that decides a training but its seed and its device.

    ``stable_set`` names a stable set's class, ``set_arguments`` are its fields.  The learning rate falls
    linearly to zero over the epochs.  ``train_tokens`` and ``test_tokens`` cut the splits (None: all of them).
    """

    core: str
    stable_set: str = "Unconstrained"
    set_arguments: tuple[tuple[str, float], ...] = ()
    width: int = 200
    layers: int = 1
    dropout: float = 0.2
    tied: bool = False
    cutoffs: tuple[int, ...] = ()  # of the adaptive softmax; none: the full softmax
    input_clip: float | None = None
    batch_size: int = 32
    steps: int = 35
    optimizer: str = "sgd"
    learning_rate: float = 5.0
    gradient_clip: float = 0.25
    epochs: int = 6
    train_tokens: int | None = None
    test_tokens: int | None = None

    def build_set(self) -> StableSet:
        """The stable set as a value."""
        return set_named(self.stable_set)(**dict(self.set_arguments))

    def with_set(self, stable_set: StableSet) -> StudyConfig:
        """This config with another stable set."""
        return replace(self, stable_set=type(stable_set).__name__, set_arguments=tuple(asdict(stable_set).items()))

    def build_model(self, counts: Tensor) -> LanguageModel:
        """A fresh model for a vocabulary whose training counts are given, from torch's global random state."""
        core = self._build_core()
        if self.cutoffs:
            cutoffs = [rank for rank in self.cutoffs if rank < len(counts)]  # a small corpus has fewer clusters
            return AdaptiveLanguageModel(core, counts, self.width, cutoffs, self.dropout)
        return LanguageModel(core, len(counts), self.width, self.tied, self.dropout)

    def _build_core(self) -> Core:
        if self.core == "linear":  # its bound is kept by its coordinates, so that no step needs a projection
            bound = dict(self.set_arguments).get("bound")
            return GatedRecurrence(self.width, self.width, self.layers, bound=bound)
        if self.core == "qrnn":  # with as many weights as an LSTM of this width has
            return QRNN(self.width, 4 * self.width // 3)
        kind = CORES[self.core]
        return kind(self.width, self.width, self.layers, dropout=self.dropout, input_clip=self.input_clip)

    def to_json(self) -> dict[str, Any]:
        """The config as JSON values."""
        return asdict(self) | {"set_arguments": dict(self.set_arguments), "cutoffs": list(self.cutoffs)}


_ROWS = {
    "rnn-unstable": StudyConfig("rnn", learning_rate=1.0),
    "rnn-stable": StudyConfig("rnn", "SpectralBall", (("bound", 0.99),), learning_rate=1.0),
    "lstm-unstable": StudyConfig("lstm", dropout=0.4, learning_rate=20.0),
    # Inputs clipped as the stable rows', no set: what the clip costs without it.
    "lstm-clipped": StudyConfig("lstm", input_clip=0.75, dropout=0.4, learning_rate=20.0),
    "lstm-stable": StudyConfig(
        "lstm", "LSTMStableSet", (("forget_ceiling", 0.64), ("input_bound", 0.75)), input_clip=0.75, learning_rate=20.0
    ),
    "lstm-stable-wide": StudyConfig(
        "lstm",
        "LSTMWideSet",
        (("bound", 0.995), ("lowest_ceiling", 0.3), ("highest_ceiling", 0.92), ("mu", 1.1), ("input_bound", 0.75)),
        input_clip=0.75,
        dropout=0.3,
        learning_rate=20.0,
    ),
    "lstm-published-code": StudyConfig("lstm", "LSTMPublishedCode", input_clip=1.0, learning_rate=20.0),
    "linear-unstable": StudyConfig("linear", layers=2, learning_rate=1.0),
    "linear-stable": StudyConfig("linear", "EigenvalueDisc", (("bound", 0.99),), layers=2, learning_rate=1.0),
    "qrnn-unstable": StudyConfig("qrnn", learning_rate=1.0),
    "qrnn-stable": StudyConfig("qrnn", "QRNNStableSet", (("forget_ceiling", 0.98),), learning_rate=1.0),
}

# What a preset changes in every row.
_PRESETS: dict[str, dict[str, Any]] = {
    "paper": {"batch_size": 20, "width": 512, "epochs": 40},
    # Adam by choice, for so few epochs: no search compared the optimisers.
    "laptop": {"cutoffs": (1000, 6000), "width": 128, "optimizer": "adam", "learning_rate": 0.005, "dropout": 0.2},
    # Twice the width and twice the epochs of laptop, an hour of one CPU thread a training at most: does the price stay?
    "desk": {
        "cutoffs": (1000, 6000),
        "width": 256,
        "epochs": 12,
        "optimizer": "adam",
        "dropout": 0.4,
    },
    "ci": {
        "cutoffs": (1000, 6000),
        "width": 16,
        "epochs": 2,
        "batch_size": 8,
        "train_tokens": 14_000,
        "test_tokens": 4_000,
    },
}

# Beside the preset's values: what a row's search found (data/results/search-*.json), or what it had before, where the
# best trial was better by less than seeds differ.  The ceiling of lstm-stable was raised further by full trainings.
_SEARCHED: dict[tuple[str, str], dict[str, Any]] = {
    ("rnn-unstable", "laptop"): {"learning_rate": 0.008},
    ("rnn-stable", "laptop"): {"learning_rate": 0.008},
    ("lstm-unstable", "laptop"): {"learning_rate": 0.013},
    ("lstm-clipped", "laptop"): {"learning_rate": 0.013},
    ("lstm-published-code", "laptop"): {"learning_rate": 0.013},
    ("lstm-stable", "laptop"): {
        "learning_rate": 0.013,
        "input_clip": 1.0,
        "set_arguments": (("forget_ceiling", 0.98), ("input_bound", 1.0)),
    },
    ("linear-unstable", "laptop"): {"learning_rate": 0.004},
    ("linear-stable", "laptop"): {"learning_rate": 0.004},
    ("qrnn-unstable", "laptop"): {"learning_rate": 0.01},
    ("qrnn-stable", "laptop"): {"learning_rate": 0.01},
    ("lstm-stable-wide", "laptop"): {
        "learning_rate": 0.013,
        "input_clip": 1.0,
        "set_arguments": (
            ("bound", 0.9957),
            ("lowest_ceiling", 0.95),
            ("highest_ceiling", 0.97),
            ("mu", 1.1),
            ("input_bound", 1.0),
        ),
    },
}

# Not searched: half of what suits half the width.
_SEARCHED |= {
    (row, "desk"): _SEARCHED[row, "laptop"] | {"learning_rate": _SEARCHED[row, "laptop"]["learning_rate"] / 2}
    for row in _ROWS
}

ROWS, PRESETS = tuple(_ROWS), tuple(_PRESETS)


def config_of(row: str, preset: str) -> StudyConfig:
    """The frozen config of a row under a preset.

    Raises:
        ValueError: unknown row or preset.
    """
    if row not in _ROWS:
        raise ValueError(f"unknown row {row!r}: choose one of {', '.join(ROWS)}")
    if preset not in _PRESETS:
        raise ValueError(f"unknown preset {preset!r}: choose one of {', '.join(PRESETS)}")
    return replace(_ROWS[row], **_PRESETS[preset] | _SEARCHED.get((row, preset), {}))


def at_bound(row: str, config: StudyConfig, bound: float) -> StudyConfig:
    """A stable row's config with its set's knob, such as λ or a forget ceiling, at another value.

    Raises:
        ValueError: the row's set has no knob, or refuses this value.
    """
    stable_set = config.build_set()
    if stable_set.knob is None:
        turned = (name for name in ROWS if _ROWS[name].build_set().knob is not None)
        raise ValueError(f"row {row!r} has no bound to change: choose one of {', '.join(turned)}")
    return config.with_set(stable_set.with_knob(bound))


def changed_row(row: str, bound: float | None = None, rate: float | None = None) -> str:
    """What a row is called that is trained at another bound, or at another learning rate, than its own."""
    return row + ("" if bound is None else f"@{bound:g}") + ("" if rate is None else f"@rate{rate:g}")


def suggest(config: StudyConfig, trial: Any) -> StudyConfig:
    """The config that an Optuna trial proposes: the rate, the clip of the inputs, and what its set wants searched.

    Width, layers, softmax and epochs stay the preset's: they decide what a training costs, not how well it fits.
    Dropout and batch size stay too: a search's short trainings do not over-fit, so they would choose no dropout and
    the smallest batch whatever the row.
    """
    rates = (1e-3, 3e-2) if config.optimizer == "adam" else (4.0, 40.0) if config.core == "lstm" else (0.3, 6.0)
    changes: dict[str, Any] = {"learning_rate": trial.suggest_float("learning_rate", *rates, log=True)}
    stable_set = config.build_set()
    if not config.cutoffs and config.core != "qrnn":  # whose outputs are wider than an embedding
        changes["tied"] = trial.suggest_categorical("tied", [False, True])
    if config.input_clip is not None:
        changes["input_clip"] = trial.suggest_categorical("input_clip", [0.5, 0.75, 1.0])
        stable_set = stable_set.for_inputs(changes["input_clip"])
    point = {name: trial.suggest_float(name, *ends) for name, ends in stable_set.searched.items()}
    return replace(config, **changes).with_set(stable_set.at(point))


def starting_point(config: StudyConfig) -> dict[str, Any]:
    """A config as a point of :func:`suggest`'s space, so that a search begins with what is known.

    Names that the row's space lacks are no harm: Optuna uses what is asked for.
    """
    own = ("learning_rate", "tied", "input_clip")
    return {name: getattr(config, name) for name in own} | config.build_set().point()
