"""Twin training: a recurrent model and its k-truncations, from the same start, on the same data.

The training theorem (Miller & Hardt 2018) says that where every iterate is stable the two end with nearly the same
weights.  The truncation starts from a zero state, k inputs before its prediction: it is not truncated
backpropagation, which carries a state.  With the loss on the last of T positions it is the *same model* trained on
windows cut to their last k tokens, which is how it is done here.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lessons_lib.corpora import ProductOfLags
from lessons_lib.experiments.experiment import Experiment, grid
from lessons_lib.models import LanguageModel, TanhRNN, seeded
from lessons_lib.stability import SpectralBall, TrainingConstants, Unconstrained
from lessons_lib.training import Mailbox, Settings, TrainingState, training_step

# Two bits remember a little, one remembers 12 tokens: more than a twin with k = 5 or 10 can ever see.
LANGUAGE = ProductOfLags(lags=(2, 3, 12), flips=(0.05, 0.05, 0.05))
CONTEXT_LENGTHS = (5, 10, 20, 35)
WIDTH, BATCH_SIZE, STEPS = 64, 32, 50
INPUT_STD = 0.3
TOKENS = 100_000
STABLE_RATE, UNSTABLE_GAIN = 0.8, 2.0
STEP_SIZE = 2.0  # α: the t-th step is α/t
TRAINING_STEPS = 100


class Windows:
    """Batches of independent windows at random places of a text; only the last target of each is scored.

    Args:
        tokens: (N,) int64.
        batch_size: windows in a batch.
        steps: tokens of a window.
        last: feed only this many of them, the last ones; all when None.
        count: batches before the same ones come again.
        seed: of the places; batch i of every ``last`` has its windows at the same places.

    Raises:
        ValueError: ``last`` does not fit in a window, or a window not in the text.
    """

    carries_state = False

    def __init__(
        self,
        tokens: Tensor,
        batch_size: int,
        steps: int,
        *,
        last: int | None = None,
        count: int = 1_000,
        seed: int = 0,
    ):
        if last is not None and not 1 <= last <= steps:
            raise ValueError(f"last={last}: a window of {steps} tokens can be cut to its last 1 to {steps}")
        if len(tokens) <= steps:
            raise ValueError(f"{len(tokens)} tokens are too few for windows of {steps} and a target: pass more")
        self.tokens, self.batch_size, self.window = tokens, batch_size, steps
        self.steps = steps if last is None else last
        self.count, self.seed = count, seed

    def last(self, steps: int) -> Windows:
        """The same windows, cut to their last ``steps`` tokens."""
        return Windows(self.tokens, self.batch_size, self.window, last=steps, count=self.count, seed=self.seed)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int, /) -> tuple[Tensor, Tensor]:
        """(inputs, targets), each (batch_size, steps); all targets but the last are -100: not scored."""
        if not 0 <= index < self.count:
            raise IndexError(f"batch {index} of {self.count}")
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + index)
        first = torch.randint(len(self.tokens) - self.window, (self.batch_size, 1), generator=generator)
        ends = (first + torch.arange(self.window - self.steps, self.window + 1)).to(self.tokens.device)
        window = self.tokens[ends]
        targets = torch.full_like(window[:, 1:], -100)
        targets[:, -1] = window[:, -1]
        return window[:, :-1], targets


@dataclass(frozen=True)
class TwinRecord:
    """Where the twins stand after ``step`` steps (1, 2, ...); dictionaries by context length k.

    ``losses``: nats before the step, the recurrent model's under None.  ``weight_gap``: ‖w_rec - w_trunc‖_2 over all
    weights.  ``way``: the longer of the two ways from the start.  ``relative_gap``: the gap over the way, 1 being "as
    far from each other as from where they began".  ``prediction_gap``: the largest ‖logits_rec - logits_trunc‖_2 on
    held-out windows.  ``log10_bound``: the theorem's bound on ``weight_gap``, inf where it has none.
    """

    step: int
    losses: dict[int | None, float]
    weight_gap: dict[int, float]
    way: dict[int, float]
    prediction_gap: dict[int, float]
    log10_bound: dict[int, float]

    @property
    def relative_gap(self) -> dict[int, float]:
        return {k: gap / self.way[k] for k, gap in self.weight_gap.items()}

    def says_something(self, context_length: int) -> bool:
        """Whether the theorem's bound is below the way gone: that the twins are no further apart is no news."""
        return self.log10_bound[context_length] < math.log10(self.way[context_length])


def twins(
    model: LanguageModel,
    windows: Windows,
    context_lengths: Sequence[int],
    settings: Settings | Mailbox,
    *,
    steps: int | None = None,
    held_out: Windows | None = None,
) -> Iterator[TwinRecord]:
    """Train a model and its k-truncations side by side by projected gradient descent with step α/t.

    Args:
        model: the start, a language model around one tanh-RNN layer; it is copied, not changed.  Its embedding is not
            trained: the theorem is about bounded inputs.
        windows: what the recurrent model reads; its truncations read the last k tokens of each window.
        context_lengths: the k's, each below ``windows.steps``.
        settings: ``learning_rate`` is α, ``stable_set`` the set; a :class:`Mailbox` is read once per step.
        steps: how many; None: without end.
        held_out: windows whose first batch compares predictions; the training windows' first when None.

    Yields:
        a :class:`TwinRecord` after every step.

    Raises:
        ValueError: a k that does not fit, a model that is no tanh-RNN of one layer, or settings that clip the gradient.
    """
    mailbox = settings if isinstance(settings, Mailbox) else Mailbox(settings)
    if not context_lengths or not all(1 <= k < windows.steps for k in context_lengths):
        raise ValueError(f"context_lengths={list(context_lengths)}: give some from 1 to {windows.steps - 1}")
    if mailbox.settings.gradient_clip is not None:
        raise ValueError("the theorem is about gradient descent without clipping: set gradient_clip=None")
    TrainingConstants.of(model, 0.0)  # raises for what the theorem is not worked out for
    states: dict[int | None, TrainingState] = {}
    for k in (None, *context_lengths):
        twin = copy.deepcopy(model)
        twin.embedding.weight.requires_grad_(False)
        states[k] = TrainingState.begin(twin, windows if k is None else windows.last(k))
    return _steps(states, mailbox, steps, (held_out or windows)[0][0])


def _steps(
    states: dict[int | None, TrainingState], mailbox: Mailbox, steps: int | None, held_out: Tensor
) -> Iterator[TwinRecord]:
    first = mailbox.settings.stable_set
    for state in states.values():
        first.project_(state.model)  # w_0 lies in the set
    model = states[None].model
    start = _weights(model)
    constants = TrainingConstants.of(model, float(model.embedding.weight.norm(dim=1).max()))
    step, step_size = 0, 0.0
    while steps is None or step < steps:
        step += 1
        settings = mailbox.settings
        step_size = max(step_size, settings.learning_rate)  # α may change on the way; the bound grows with it
        losses: dict[int | None, float] = {}
        for k, state in states.items():
            now = replace(settings, learning_rate=settings.learning_rate / step, truncation_length=state.stream.steps)
            losses[k] = float(training_step(state, now).loss)
            constants = constants.widened(TrainingConstants.of(state.model, constants.inputs))
        whole = _weights(model)
        logits = _last_logits(model, held_out)
        weight, way, prediction, bound = {}, {}, {}, {}
        for k, state in states.items():
            if k is None:
                continue
            cut = _weights(state.model)
            weight[k] = float((whole - cut).norm())
            way[k] = max(float((whole - start).norm()), float((cut - start).norm()))
            difference = logits - _last_logits(state.model, held_out[:, -k:])
            prediction[k] = float(difference.norm(dim=-1).max())
            bound[k] = constants.log10_weight_gap(k, step, step_size)
        yield TwinRecord(step, losses, weight, way, prediction, bound)


@torch.no_grad()
def _last_logits(model: LanguageModel, tokens: Tensor) -> Tensor:
    """Logits after the last of (batch, time) tokens, from a zero state: (batch, vocabulary)."""
    features, _ = model(tokens.to(model.decoder.weight.device))
    return model.logits(features[:, -1])


def _weights(model: LanguageModel) -> Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


# -- the recipe ------------------------------------------------------------------------------------------------------


def beginning(
    seed: int = 0, *, gain: float = STABLE_RATE, tokens: Tensor | None = None
) -> tuple[LanguageModel, Windows]:
    """The start of the recipe, in float64: W = ``gain`` x orthogonal, inputs of standard deviation .3; and its data.

    ``tokens``: a text to read instead of the embedded language.
    """
    vocabulary = LANGUAGE.vocabulary_size if tokens is None else int(tokens.max()) + 1
    tokens = LANGUAGE.sample(TOKENS, seed=seed) if tokens is None else tokens
    with seeded(seed):
        model = LanguageModel(TanhRNN(WIDTH, WIDTH), vocabulary, WIDTH).double()
        torch.nn.init.normal_(model.embedding.weight, std=INPUT_STD)
        torch.nn.init.orthogonal_(model.core.cells[0].weight_hh_l0, gain=gain)
    return model, Windows(tokens, BATCH_SIZE, STEPS, seed=seed)


def settings(bound: float | None = STABLE_RATE, step_size: float = STEP_SIZE) -> Settings:
    """α = ``step_size``, projected onto ‖W‖_2 <= ``bound``; None: free."""
    return Settings(learning_rate=step_size, stable_set=Unconstrained() if bound is None else SpectralBall(bound))


def measure(
    seed: int,
    *,
    stable: bool,
    steps: int = TRAINING_STEPS,
    context_lengths: Sequence[int] = CONTEXT_LENGTHS,
    tokens: Tensor | None = None,
) -> list[TwinRecord]:
    """The recipe from beginning to end: .8 x orthogonal and projected, or 2 x orthogonal and free."""
    model, windows = beginning(seed, gain=STABLE_RATE if stable else UNSTABLE_GAIN, tokens=tokens)
    how = settings(STABLE_RATE if stable else None)
    return list(twins(model, windows, context_lengths, how, steps=steps))


# -- what is stored: a long training ---------------------------------------------------------------------------------

LONG, MOMENTS, SEEDS = 300, (1, 3, 10, 30, 100, 200, 300), (0, 1, 2)
COMPARED = (5, 20)


@dataclass(frozen=True)
class Twin:
    """One twin at one moment: ``k`` its context length, None the recurrent model.

    ``loss``: nats, mean over the last fifth of the steps so far (fresh windows each step); ``relative_gap``: to the
    recurrent model, None for that one.
    """

    start: str
    seed: int
    k: int | None
    step: int
    loss: float
    relative_gap: float | None


def long_training(start: str, seed: int) -> list[Twin]:
    """The recipe for LONG steps, looked at at MOMENTS."""
    records = measure(seed, stable=start == "stable", steps=LONG, context_lengths=COMPARED)
    points = []
    for step in MOMENTS:
        fifth = records[step - max(1, step // 5) : step]
        for k in (None, *COMPARED):
            loss = math.fsum(record.losses[k] for record in fifth) / len(fifth)
            gap = None if k is None else float(f"{records[step - 1].relative_gap[k]:.4g}")
            points.append(Twin(start, seed, k, step, round(loss, 4), gap))
    return points


TWINS = Experiment(
    "twins",
    "twins trained for 300 steps from a stable and from an unstable start: losses and weight gaps",
    grid(start=("stable", "unstable"), seed=SEEDS),
    long_training,
    Twin,
    {
        "language": repr(LANGUAGE),
        "tokens": TOKENS,
        "steps": LONG,
        "moments": MOMENTS,
        "context_lengths": COMPARED,
        "width": WIDTH,
        "input_std": INPUT_STD,
        "batch_size": BATCH_SIZE,
        "window": STEPS,
        "optimizer": "sgd",
        "step_size": f"{STEP_SIZE} / t",
        "stable": f"{STABLE_RATE} x orthogonal, projected",
        "unstable": f"{UNSTABLE_GAIN} x orthogonal, free",
    },
    unit="nats",
)
