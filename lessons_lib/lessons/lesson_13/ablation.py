"""A learner's own ablation: any model, task, context length k and rate λ of the library, and a report to fill in.

One thing is varied, everything else is held: the same batches, optimiser and number of steps for all, cores of nearly
the same number of parameters, several seeds, and beside each loss the best one that its context allows, where
mathematics knows it.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any

import torch

from lessons_lib.corpora import (
    Batches,
    CopyMemory,
    FreshBatches,
    HiddenMarkov,
    LaggedRecall,
    ProductOfLags,
    Renewal,
    Stream,
    wikitext2,
)
from lessons_lib.experiments.training import from_seed, trained
from lessons_lib.models import (
    GRU,
    LSTM,
    TCN,
    Core,
    GatedConvolution,
    LanguageModel,
    LinearRecurrence,
    TanhRNN,
    Transformer,
    WaveNet,
    Windowed,
    seeded,
)
from lessons_lib.models.size import parameter_count
from lessons_lib.stability import StableSet, Unconstrained, set_for
from lessons_lib.training import Settings, batch_loss, default_device, mean_loss

WIDTH, BATCH_SIZE, STEPS = 32, 16, 64
PARAMETERS = 12_000  # of a core, to the nearest width
LEAST_CONTEXT = 3  # of a feed-forward core here: it looks one input back, and from there another one
INPUT_CLIP = 0.75  # a stable LSTM's certificate needs it; every LSTM here has it
RECURRENT: dict[str, Any] = {"RNN": TanhRNN, "GRU": GRU, "LSTM": LSTM}
FEED_FORWARD = ("TCN", "gated convolution", "WaveNet", "transformer")
MODELS = (*RECURRENT, "linear recurrence", *FEED_FORWARD)
TRAINING_TOKENS, SCORED, HELD_OUT_SEED = 200_000, 10_000, 1_000_000
INPUT_STD, LEARNING_RATE, GRADIENT_CLIP = 0.3, 5e-3, 1.0


# -- tasks -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Language:
    """A language with a known optimum, or words of a text: one stream, every token scored."""

    source: Any

    @property
    def vocabulary_size(self) -> int:
        return self.source.vocabulary_size

    def training(self, seed: int) -> Batches:
        return Stream(self.source.sample(TRAINING_TOKENS, seed).to(default_device()), BATCH_SIZE, STEPS)

    def loss(self, model: LanguageModel, scored: int = SCORED) -> float:
        """Mean nats per token on a sample that no training reads."""
        return mean_loss(model, self.source.sample(scored + 1, HELD_OUT_SEED))

    def optimum(self, context_length: int | None) -> float | None:
        return self.source.optimal_loss(context_length)


@dataclass(frozen=True)
class Words:
    """WikiText-2, its most frequent words: nobody knows the optimum."""

    vocabulary_size: int = 1_000

    def training(self, seed: int) -> Batches:
        tokens = wikitext2(self.vocabulary_size).train
        return Stream(tokens.roll(-seed * 100_003).to(default_device()), BATCH_SIZE, STEPS)

    def loss(self, model: LanguageModel, scored: int = SCORED) -> float:
        return mean_loss(model, wikitext2(self.vocabulary_size).valid[: scored + 1])

    def optimum(self, context_length: int | None) -> float | None:
        return None


@dataclass(frozen=True)
class Answers:
    """A task of fresh batches in which some positions ask for what lies ``lag`` steps back."""

    make: Callable[[int], FreshBatches]

    @property
    def vocabulary_size(self) -> int:
        task: Any = self.make(0)
        return task.vocabulary_size

    def training(self, seed: int) -> Batches:
        return self.make(seed)

    def loss(self, model: LanguageModel, batches: int = 10) -> float:
        """Mean nats per answer on batches that no training reads."""
        held_out = self.make(HELD_OUT_SEED)
        return sum(batch_loss(model, *held_out[index]) for index in range(batches)) / batches

    def optimum(self, context_length: int | None) -> float | None:
        """0 where the answer can be seen, else that of guessing."""
        task: Any = self.make(0)
        return 0.0 if context_length is None or context_length > task.lag else task.chance_loss


def _batches(make: Callable[..., FreshBatches]) -> Answers:
    return Answers(lambda seed: make(batch_size=BATCH_SIZE, seed=seed, device=default_device()))


TASKS: dict[str, Any] = {
    "lags 2 and 7": Language(ProductOfLags(lags=(2, 7), flips=(0.05, 0.05))),
    "lags 4 and 16": Language(ProductOfLags(lags=(4, 16), flips=(0.05, 0.05))),
    "renewal": Language(Renewal([0, 0, 0.3, 0, 0, 0, 0, 0, 0.7])),
    "hidden Markov": Language(HiddenMarkov([[0.95, 0.05], [0.1, 0.9]], [[0.8, 0.2], [0.3, 0.7]])),
    "lagged recall": _batches(lambda **options: LaggedRecall(6, **options)),
    "copying": _batches(lambda **options: CopyMemory(10, length=5, **options)),
    "words": Words(),
}


# -- one model on one task ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Choice:
    """One training: which model on which task, what it may see, how fast it must forget.

    Args:
        model: one of MODELS.
        task: one of TASKS.
        k: context length.  A recurrent model becomes its k-truncation, *trained* as such; None leaves it its whole
            past.  A feed-forward model is built as deep or wide as fits into k, and needs one.
        bound: λ, the certified rate kept by projection, for a model that some stable set fits; None: free.
        seed: of weights and data.

    Raises:
        ValueError: a name that is not known, or a k or λ that means nothing for this model.
    """

    model: str
    task: str
    k: int | None = None
    bound: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.model not in MODELS:
            raise ValueError(f"no model {self.model!r}: choose one of {', '.join(MODELS)}")
        if self.task not in TASKS:
            raise ValueError(f"no task {self.task!r}: choose one of {', '.join(TASKS)}")
        if self.model in FEED_FORWARD and (self.k is None or self.k < LEAST_CONTEXT):
            raise ValueError(
                f"k={self.k}: {self.model} is feed-forward, give it a context length of {LEAST_CONTEXT} or more"
            )
        if self.model == "linear recurrence" and self.k is not None:
            raise ValueError("k means nothing for a linear recurrence here, which is never truncated: leave it out")
        if self.bound is not None and not can_be_bounded(self.model, self.bound):
            raise ValueError(f"λ means nothing for {self.model}: no set here certifies it; leave the bound out")

    @property
    def stable_set(self) -> StableSet:
        return Unconstrained() if self.bound is None else _promised(self.model, self.bound)

    def core(self) -> Core:
        """The model's core, of about 12,000 parameters, with its weights from torch's global generator."""
        return _core(self.model, self.k, _width(self.model, self.k))


def _core(model: str, k: int | None, width: int) -> Core:
    fits = k or 0
    match model:
        case "linear recurrence":
            return LinearRecurrence(WIDTH, WIDTH, units=width)
        case "TCN":
            return TCN(WIDTH, width, layers=int(math.log2((fits - 1) / 2 + 1)))
        case "WaveNet":
            return WaveNet(WIDTH, width, layers=int(math.log2(fits - 1)))
        case "gated convolution":
            return GatedConvolution(WIDTH, width, layers=2, kernel_size=(fits - 1) // 2 + 1)
        case "transformer":
            return Transformer(WIDTH, width, layers=2, window=(fits - 1) // 2 + 1)
    clip = {"input_clip": INPUT_CLIP} if model == "LSTM" else {}
    core = RECURRENT[model](WIDTH, width, **clip)
    return core if k is None else Windowed(core, k)


@lru_cache
def _width(model: str, k: int | None) -> int:
    """The width at which a core comes nearest to 12,000 parameters."""

    def parameters(width: int) -> int:
        with seeded(0):  # building draws numbers that a training must not miss
            return parameter_count(_core(model, k, width))

    widths = range(8, 400, 8 if model == "transformer" else 1)
    above = bisect_left(widths, PARAMETERS, lo=1, key=parameters)
    return min(widths[above - 1 : above + 1], key=lambda width: abs(parameters(width) - PARAMETERS))


def can_be_bounded(model: str, bound: float) -> bool:
    """Whether a stable set fits this model and promises the rate λ = ``bound``."""
    return _promised(model, bound) != Unconstrained()


def _promised(model: str, bound: float) -> StableSet:
    with seeded(0):  # a look at a core must not move the random numbers of a training
        core = Choice(model, next(iter(TASKS)), 7 if model in FEED_FORWARD else None).core()
    return set_for(core, bound)


def factory(choice: Choice) -> Callable[[], tuple[LanguageModel, Batches]]:
    """A function that builds the model and its batches; the same each time it is called."""
    return _start(choice, choice.seed)


@from_seed
def _start(choice: Choice, seed: int) -> tuple[LanguageModel, Batches]:
    task = TASKS[choice.task]
    model = LanguageModel(choice.core(), task.vocabulary_size, WIDTH)
    torch.nn.init.normal_(model.embedding.weight, std=INPUT_STD)
    return model, task.training(seed)


def settings(choice: Choice) -> Settings:
    """For Adam: full backpropagation inside a step, clipped at 1, and the choice's stable set."""
    steps = factory(choice)()[1].steps
    return Settings(steps, learning_rate=LEARNING_RATE, gradient_clip=GRADIENT_CLIP, stable_set=choice.stable_set)


@dataclass(frozen=True)
class Measured:
    """What one training came to: ``loss`` and ``optimum`` (None: unknown) in nats; ``context_length`` as built."""

    choice: Choice
    loss: float
    optimum: float | None
    context_length: int | None
    parameters: int

    @property
    def regret(self) -> float:
        """Nats above the best loss that the *whole* past allows; the loss itself where that is unknown."""
        best = TASKS[self.choice.task].optimum(None)
        return self.loss - (best or 0.0)


def measure(choice: Choice, *, steps: int) -> Measured:
    """Train with Adam, then score on what no training has read."""
    done, task = trained(factory(choice), settings(choice), steps=steps, seed=choice.seed), TASKS[choice.task]
    context = done.model.context_length
    return Measured(choice, task.loss(done.model), task.optimum(context), context, done.parameters)


# -- an ablation -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Plan:
    """Everything that will be trained: each combination that means something, once."""

    models: Sequence[str]
    tasks: Sequence[str]
    contexts: Sequence[int | None] = (None,)
    bounds: Sequence[float | None] = (None,)
    seeds: Sequence[int] = (0, 1, 2)
    steps: int = 300

    def choices(self) -> list[Choice]:
        """Without the combinations that mean nothing: a λ for a convolution, no k or too small a k for one.

        Raises:
            ValueError: an unknown name, or nothing is left.
        """
        found: dict[Choice, None] = {}
        for model, task, k, bound, seed in product(self.models, self.tasks, self.contexts, self.bounds, self.seeds):
            if model in FEED_FORWARD and (k is None or k < LEAST_CONTEXT):
                continue
            k = None if model == "linear recurrence" else k
            kept = bound if bound is not None and can_be_bounded(model, bound) else None
            found[Choice(model, task, k, kept, seed)] = None
        if not found:
            raise ValueError(f"nothing to train: a feed-forward model needs a k of {LEAST_CONTEXT} or more in contexts")
        return list(found)


def run(plan: Plan) -> Iterator[Measured]:
    """Train and score every choice of the plan, in order."""
    for choice in plan.choices():
        yield measure(choice, steps=plan.steps)


def rows(results: Iterable[Measured]) -> dict[str, list[Measured]]:
    """The seeds of each combination under one name, such as "RNN, lags 2 and 7, k = 7, λ = 0.9"."""
    found: dict[str, list[Measured]] = {}
    for one in results:
        choice = one.choice
        parts = [choice.model, choice.task]
        parts += [] if choice.k is None else [f"k = {choice.k}"]
        parts += [] if choice.bound is None else [f"λ = {choice.bound:g}"]
        found.setdefault(", ".join(parts), []).append(one)
    return found


TO_WRITE = "*(to be written)*"


def report(
    plan: Plan, results: Sequence[Measured], *, question: str = "", prediction: str = "", limits: str = ""
) -> str:
    """The ablation as Markdown: what only the learner can say is left open until it is passed.

    The verdict follows one rule: two rows of a task differ if their seeds' losses do not overlap.
    """
    named = rows(results)
    lines = [
        "### Report",
        f"**Question.** {question or TO_WRITE}",
        f"**Prediction, before the run.** {prediction or TO_WRITE}",
        f"**Set-up.** {plan.steps} steps of Adam, {len(plan.seeds)} seed{'s' * (len(plan.seeds) > 1)}, "
        "the same batches for all; "
        f"{len(results)} trainings. Losses on data that no training has read.",
        "",
        "| row | loss, mean (range), nats | best at this context | context | parameters |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, seeds in named.items():
        losses = _losses(seeds)
        best = "unknown" if seeds[0].optimum is None else f"{seeds[0].optimum:.3f}"
        context = "whole past" if seeds[0].context_length is None else str(seeds[0].context_length)
        mean = sum(losses) / len(losses)
        spread = f"{mean:.3f} ({min(losses):.3f} to {max(losses):.3f})"
        lines.append(f"| {name} | {spread} | {best} | {context} | {seeds[0].parameters:,} |")
    lines += ["", f"**What the seeds decide.** {verdict(results)}", f"**Limits.** {limits or TO_WRITE}"]
    return "\n\n".join(lines[:4]) + "\n" + "\n".join(lines[4:-2]) + "\n\n" + "\n\n".join(lines[-2:])


def verdict(results: Sequence[Measured]) -> str:
    """For each task the best row by mean loss, the rows whose seeds overlap with it, and those that diverged."""
    sentences = []
    for task in dict.fromkeys(one.choice.task for one in results):
        found = rows(one for one in results if one.choice.task == task)
        named = {name: _losses(seeds) for name, seeds in found.items()}
        ordered = sorted(named, key=lambda name: sum(named[name]) / len(named[name]))
        best, others = ordered[0], ordered[1:]
        tied = [name for name in others if min(named[name]) <= max(named[best])]
        diverged = [name for name, losses in named.items() if math.inf in losses]
        if best in diverged:
            sentences.append(f"{task}: no row has a finite loss on every seed.")
        elif len(named[best]) == 1:
            sentences.append(f"{task}: one seed decides nothing; lowest was {best}.")
        elif not others:
            sentences.append(f"{task}: nothing to compare with {best}.")
        elif tied:
            sentences.append(f"{task}: {best} is lowest, and not told apart from {'; '.join(tied)}.")
        else:
            sentences.append(f"{task}: {best} is below every other row on every seed.")
        if diverged:
            sentences.append(f"{task}: diverged on at least one seed: {'; '.join(diverged)}.")
    return " ".join(sentences)


def _losses(seeds: Iterable[Measured]) -> list[float]:
    """The losses of a row; one that is not finite is infinite, and so worse than any other."""
    return [one.loss if math.isfinite(one.loss) else math.inf for one in seeds]
