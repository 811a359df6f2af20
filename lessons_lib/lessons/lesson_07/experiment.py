"""The n-gram LSTM: how much context does an LSTM use?

An *n-gram* model predicts a word from the n - 1 words before it.  There are two ways to make one of an LSTM:

- **trained** with its state reset: every prediction of every training step starts from a zero state, n - 1 words back
  (Chelba et al. 2017).  Its weights know that nothing comes before;
- **cut**: an unbounded LSTM, trained on the stream as usual, whose state is reset n - 1 words back afterwards.

``N_GRAM`` stores both, trained on the 1,000 most frequent words of WikiText-2, one point for each n (None: unbounded)
and seed, and beside them tables of counts.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch
from torch import Tensor

from lessons_lib.corpora import DataUnavailable, ProductOfLags, Stream, wikitext2
from lessons_lib.corpora.download import WIKITEXT2
from lessons_lib.experiments.experiment import Experiment, grid
from lessons_lib.experiments.reading import LANGUAGE as FALLBACK
from lessons_lib.experiments.reading import Text
from lessons_lib.models import LSTM, LanguageModel, Predictor, Recurrent, Windowed, seeded, truncated_outputs
from lessons_lib.training import Mailbox, Settings, StepRecord, default_device, linear_decay, train

# n = 1 needs no LSTM: a model without context is a table of word frequencies.
ORDERS, SEEDS = (2, 3, 5, 8, 13, 20, 50), (0, 1, 2)
LONGEST = max(ORDERS)
WORDS, WIDTH, BATCH_SIZE, STEPS, TRAINING_STEPS = 1_000, 64, 10, 20, 2_000
LEARNING_RATE, GRADIENT_CLIP = 0.01, 1.0  # the rate falls linearly to zero
SMOOTHING = 50.0  # how many words of the frequency table are mixed into each row of the table of pairs
HELD_OUT_ROWS, ROW_LENGTH = 20, 1_000
MADE_UP_LENGTH = 700_000
# The lesson's own: a token is two bits, one repeats the token before, one the fourth before (as in lesson 04).
LANGUAGE = ProductOfLags(lags=(1, 4), flips=(0.05, 0.05))
LIVE_RATE = 0.005
SWEEP_STEPS, SWEEP_ROWS, SWEEP_WORDS = 40, 4, 100  # how often the live pair of curves is measured, and on how much


@dataclass(frozen=True)
class Point:
    """One trained model.

    ``n``: it predicts from n - 1 words; None: from all there is.  ``loss``: held out, nats a word.  ``cut``: of the
    unbounded model, the loss when its state is reset n - 1 words back, n = 2, 3, ..., without any training for it.
    ``seconds``: of processor time, training and scoring.
    """

    n: int | None
    seed: int
    loss: float
    cut: list[float] = field(default_factory=list)
    seconds: float = 0.0


def words() -> Text:
    """WikiText-2 cut to its 1,000 most frequent words: perplexities are not to be compared with published ones.

    Raises:
        DataUnavailable: the text is not on this machine and cannot be downloaded.
    """
    corpus = wikitext2(WORDS)
    label = f"WikiText-2, cut to its {WORDS:,} most frequent words"
    return Text(label, corpus.train, rows_of(corpus.valid, HELD_OUT_ROWS), WORDS, corpus.vocabulary)


@cache
def text() -> Text:
    """What the live panel reads: real words; a made-up language where they cannot be had, and the label says so."""
    try:
        return words()
    except DataUnavailable:
        return made_up(FALLBACK, "a made-up language of 64 words (WikiText-2 is not on this machine)")


def made_up(language: ProductOfLags, label: str) -> Text:
    """A language whose best loss with n - 1 words is ``language.optimal_loss(n - 1)``."""
    held_out = rows_of(language.sample(4 * (LONGEST - 1 + ROW_LENGTH), seed=1_000), 4)
    return Text(label, language.sample(MADE_UP_LENGTH, seed=0), held_out, language.vocabulary_size)


def rows_of(tokens: Tensor, rows: int) -> Tensor:
    """(rows, LONGEST - 1 + ROW_LENGTH) from the beginning of ``tokens``: each scores its last ROW_LENGTH words."""
    length = LONGEST - 1 + ROW_LENGTH
    return tokens[: rows * length].view(rows, length)


# -- training ---------------------------------------------------------------------------------------------------


def model(n: int | None, text: Text, seed: int = 0, *, width: int = WIDTH) -> LanguageModel:
    """An LSTM language model that reads n - 1 words, or (None) everything; the same first weights for every n.

    Raises:
        ValueError: n < 2.
    """
    if n is not None and n < 2:
        raise ValueError(f"n={n}: an n-gram LSTM reads n - 1 words, so n is 2 or more (n = 1 is a table of counts)")
    with seeded(seed):
        lstm = LSTM(width, width)
        core = lstm if n is None else Windowed(lstm, n - 1)
        return LanguageModel(core, text.vocabulary_size, width).to(default_device())


def stream(text: Text) -> Stream:
    """What every model reads, in this order."""
    return Stream(text.train.to(default_device()), BATCH_SIZE, STEPS)


def training(model: Predictor, text: Text, *, steps: int = TRAINING_STEPS) -> Iterator[StepRecord]:
    """Adam at 0.01, falling linearly to zero; gradients clipped at norm 1."""
    mailbox = Mailbox(Settings(STEPS, learning_rate=LEARNING_RATE, gradient_clip=GRADIENT_CLIP))
    for record in train(model, stream(text), mailbox, steps=steps, optimizer="adam"):
        yield record
        mailbox.update(learning_rate=LEARNING_RATE * linear_decay((record.step + 1) / steps))


# -- scoring: every model on the same words, each of which has LONGEST - 1 words before it --------------------------


def scored(tokens: Tensor) -> tuple[Tensor, Tensor]:
    """(rows, time) -> what comes before each scored word, and the scored words: (rows, ROW_LENGTH) each."""
    return tokens[:, LONGEST - 2 : -1], tokens[:, LONGEST - 1 :]


@torch.no_grad()
def loss(model: Predictor, tokens: Tensor) -> float:
    """Mean nats a word of a trained model on rows of held-out words."""
    tokens = tokens.to(default_device())
    first = LONGEST - 2
    losses = []
    for row in tokens.split(10):
        features, _ = model(row[:, :-1])
        losses.append(float(model.loss(features[:, first:], row[:, first + 1 :])) * len(row))
    return math.fsum(losses) / len(tokens)


@torch.no_grad()
def cut_losses(model: Predictor, tokens: Tensor, longest: int = LONGEST) -> list[float]:
    """Mean nats a word when a model's state is reset n - 1 words back, n = 2, 3, ..., ``longest``; same weights.

    Raises:
        TypeError: the model has no state to reset.
    """
    tokens, core = tokens.to(default_device()), model.core
    core = core.core if isinstance(core, Windowed) else core
    if not isinstance(core, Recurrent):
        raise TypeError(f"{type(core).__name__} has no state to reset: give a model with a recurrent core")
    first = LONGEST - 2
    totals = [0.0] * (longest - 1)
    for row in tokens.split(10):
        sweep = truncated_outputs(core, model.embed(row[:, :-1]), longest - 1)
        for i, outputs in enumerate(sweep):
            totals[i] += float(model.loss(outputs[:, first:], row[:, first + 1 :])) * len(row)
    return [total / len(tokens) for total in totals]


@torch.no_grad()
def empty_loss(model: LanguageModel, tokens: Tensor) -> float:
    """Mean nats a word of what a model says before it has read any: its features are all zero."""
    _, after = scored(tokens.to(default_device()))
    return float(model.loss(model.decoder.weight.new_zeros(*after.shape, model.decoder.in_features), after))


# -- live: n moves while it trains --------------------------------------------------------------------------------


@dataclass
class Order:
    """The n that the next training step uses; a slider writes it."""

    n: int = LONGEST


@dataclass(frozen=True)
class LiveRecord:
    """One step with its n and training loss (nats); now and then the held-out loss for every n = 2, 3, ..., LONGEST."""

    step: int
    n: int
    loss: float
    by_n: list[float] | None = None


@dataclass(frozen=True)
class Cut:
    """Training perplexities around the step at which a long n was cut to a short one, and that of word frequencies.

    ``before``: of the last steps before; ``after``: of the first steps with the short n; ``later``: a hundred steps on,
    None while they are not over.
    """

    before: float
    after: float
    later: float | None
    unigram: float


def cut_of(records: list[LiveRecord], unigram: float, *, short: int = 3, long: int = 20) -> Cut | None:
    """What a live training shows of its first cut to n = ``short``; None before it, or where n was never ``long``."""
    at = next((i for i, record in enumerate(records) if record.n == short), len(records))
    before = [record for record in records[:at] if record.n >= long][-10:]
    after, later = records[at : at + 2], records[at + 90 : at + 110]
    if len(before) < 10 or len(after) < 2 or any(record.n != short for record in after):
        return None
    stayed = len(later) == 20 and all(record.n == short for record in records[at : at + 110])
    return Cut(_perplexity(before), _perplexity(after), _perplexity(later) if stayed else None, unigram)


def _perplexity(records: list[LiveRecord]) -> float:
    return math.exp(math.fsum(record.loss for record in records) / len(records))


def live(order: Order, reading: Text, *, seed: int = 0, width: int = WIDTH) -> Iterator[LiveRecord]:
    """Train an LSTM whose state is reset before every prediction, n - 1 words back; n may change at every step."""
    trained = model(order.n, reading, seed, width=width)
    core: Any = trained.core
    sample = reading.held_out[:SWEEP_ROWS, : LONGEST - 1 + SWEEP_WORDS]
    how = Settings(STEPS, learning_rate=LIVE_RATE, gradient_clip=GRADIENT_CLIP)
    records = train(trained, stream(reading), how, optimizer="adam")
    while True:
        n = order.n
        core.context_length = n - 1
        record = next(records)
        sweep = cut_losses(trained, sample) if record.step % SWEEP_STEPS == SWEEP_STEPS - 1 else None
        yield LiveRecord(record.step, n, float(record.loss), sweep)


# -- tables of counts ---------------------------------------------------------------------------------------------


def frequencies(tokens: Tensor, vocabulary_size: int) -> Tensor:
    """The unigram model, n = 1: p(word), every count one larger than it is.  (vocabulary,) float64."""
    counts = torch.bincount(tokens, minlength=vocabulary_size).double() + 1
    return counts / counts.sum()


def pair_frequencies(before: Tensor, after: Tensor, unigram: Tensor, smoothing: float = SMOOTHING) -> Tensor:
    """The bigram model, n = 2: p(word | word before) from counts, mixed with the unigram (MacKay & Peto 1995).

    ``smoothing`` words drawn from the unigram are added to each row.  (vocabulary, vocabulary) float64.
    """
    size = len(unigram)
    counts = torch.bincount(before.flatten() * size + after.flatten(), minlength=size * size).view(size, size)
    return (counts + smoothing * unigram) / (counts.sum(1, keepdim=True) + smoothing)


def baselines(text: Text, *, steps: int = TRAINING_STEPS) -> dict[str, float]:
    """Mean nats a word of the tables of counts, on the words that the models are scored on.

    "unigram" and "bigram" count the whole training text; "bigram, same words" only what a model reads in ``steps``.
    """
    train, size = text.train, text.vocabulary_size
    before, after = scored(text.held_out)
    batches = Stream(train.cpu(), BATCH_SIZE, STEPS)
    read = [batches[step % len(batches)] for step in range(min(steps, len(batches)))]
    same = [torch.cat([pair[i].flatten().cpu() for pair in read]) for i in (0, 1)]
    unigram, unigram_same = frequencies(train, size), frequencies(same[1], size)
    tables = {
        "bigram": pair_frequencies(train[:-1], train[1:], unigram),
        "bigram, same words": pair_frequencies(same[0], same[1], unigram_same),
    }
    pairs = {name: -float(table[before, after].log().mean()) for name, table in tables.items()}
    return {"unigram": -float(unigram[after].log().mean()), **pairs}


# -- the artefact -------------------------------------------------------------------------------------------------


def point(
    n: int | None, seed: int, text: Text | None = None, *, steps: int = TRAINING_STEPS, width: int = WIDTH
) -> Point:
    """Train the n-gram LSTM (None: the unbounded one) and score it; the unbounded one is cut afterwards too."""
    began, text = time.process_time(), text or words()
    trained = model(n, text, seed, width=width)
    for _ in training(trained, text, steps=steps):
        pass
    trained.eval()
    cut = cut_losses(trained, text.held_out) if n is None else []
    return Point(n, seed, loss(trained, text.held_out), cut, round(time.process_time() - began, 1))


def orders_of(points: list[Point]) -> list[int]:
    """The n's among the points, in order; the unbounded model has none."""
    return sorted({p.n for p in points if p.n is not None})


def losses_of(points: list[Point], n: int | None) -> list[float]:
    """The losses of one n, by seed."""
    return [p.loss for p in sorted(points, key=lambda p: p.seed) if p.n == n]


def perplexities_of(points: list[Point]) -> dict[int | None, list[float]]:
    """The perplexities of each n in order, the unbounded model's (None) last; one a seed."""
    return {n: [math.exp(loss) for loss in losses_of(points, n)] for n in (*orders_of(points), None)}


N_GRAM = Experiment(
    "n_gram",
    "LSTMs that predict a word from the n - 1 words before it, and an unbounded one cut at n",
    # The longest context, which costs a third of all, comes last.
    grid(seed=SEEDS, n=(None, *ORDERS[:-1])) + grid(seed=SEEDS, n=ORDERS[-1:]),
    point,
    Point,
    {
        "vocabulary": WORDS,
        "model": f"LSTM({WIDTH})",
        "batch_size": BATCH_SIZE,
        "steps": STEPS,
        "training_steps": TRAINING_STEPS,
        "optimizer": "adam",
        "learning_rate": f"{LEARNING_RATE:g}, falling linearly to zero",
        "gradient_clip": GRADIENT_CLIP,
        "held_out": {"rows": HELD_OUT_ROWS, "words": ROW_LENGTH, "words_before": LONGEST - 1},
        "smoothing": SMOOTHING,
    },
    data=WIKITEXT2,
    summary=lambda points: {"baselines": baselines(words())},
)
