"""The table of corpora.  A new one is one more line, and a function that gives its :class:`Reading`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import Tensor

from lessons_lib import corpora
from lessons_lib.corpora import Batches, OwnText, download
from lessons_lib.experiments.chorales import Compose, composer, music
from lessons_lib.experiments.reading import Text
from lessons_lib.panels import Knob
from lessons_lib.playground.entry import Entry
from lessons_lib.runs import Probe, Writer
from lessons_lib.training import default_device

BATCH_SIZE, STEPS = 20, 50  # of a text: sequences side by side, and tokens of each in a training step
LANGUAGE_TOKENS, LANGUAGE_HELD_OUT = 500_000, 10_000  # of fewer, a lucky sample looks better than is possible
HELD_OUT = 4_000
WIKITEXT_CHARACTERS, MOST_CHARACTERS = 2_000_000, 200
FEWEST = 1_200  # tokens of a text of one's own
MEASURED, LONGEST = 100, 40  # tokens on which gradients and errors are measured, and how far back


@dataclass(frozen=True)
class Reading:
    """What a model is trained and measured on; ``label`` says what it is.

    ``vocabulary_size``: how many tokens there are; None: frames of music, which ``composer`` lets a model go on with.
    ``levels``: losses to compare with (nats).
    """

    label: str
    stream: Batches
    probe: Probe
    vocabulary_size: int | None
    levels: Mapping[str, float] = field(default_factory=dict)
    composer: Compose | None = None


def _probe(held_out: tuple[Tensor, Tensor], writer: Writer | None = None) -> Probe:
    columns = min(held_out[0].shape[1], LONGEST + 20)
    inputs, targets = (part[: max(1, MEASURED // columns), :columns] for part in held_out)
    longest = min(LONGEST, inputs.shape[1] - 1)
    return Probe(held_out, inputs, longest, longest, writer=writer, targets=targets)


def _of_text(text: Text) -> Reading:
    stream = corpora.Stream(text.train.to(default_device()), BATCH_SIZE, STEPS, unit=text.unit)
    rows = max(1, len(text.held_out) // 500)
    held_out = corpora.Stream(text.held_out, rows, (len(text.held_out) - 1) // rows)[0]
    levels = {} if text.optimal_loss is None else {"best possible": text.optimal_loss}
    return Reading(text.label, stream, _probe(held_out, text.writer()), text.vocabulary_size, levels)


def _of_tokens(label: str, text: str, by: str, most: int) -> Reading:
    """The last tenth is held out."""
    tokens, vocabulary = corpora.tokens_of(text, by, most)
    if (count := len(tokens)) < FEWEST:
        raise ValueError(f"{label} has too few {by} to learn from, {count:,}: choose a text of {FEWEST:,} or more")
    cut = count - min(HELD_OUT, count // 10)
    return _of_text(Text(label, tokens[:cut], tokens[cut:], len(vocabulary), vocabulary, by=by))


def _of_language(language: corpora.ProductOfLags | corpora.Renewal | corpora.HiddenMarkov, label: str) -> Reading:
    tokens = language.sample(LANGUAGE_TOKENS, seed=0)
    size, best = language.vocabulary_size, language.optimal_loss(None)
    return _of_text(Text(label, tokens[LANGUAGE_HELD_OUT:], tokens[:LANGUAGE_HELD_OUT], size, optimal_loss=best))


def _of_task(kind: Any, label: str, **numbers: int) -> Reading:
    task = kind(**numbers, batches=100_000)  # each is drawn when it is asked for
    held_out = kind(**numbers, seed=1)[0]
    return Reading(label, task, _probe(held_out), task.vocabulary_size, {"chance": task.chance_loss})


def product_of_lags(bits: int, longest: int, noise: float) -> Reading:
    lags = np.linspace(longest, 1, bits).round().astype(int).tolist()
    return _of_language(corpora.ProductOfLags(lags, [noise] * bits), f"bits of lag {', '.join(map(str, lags))}")


def renewal(shortest: int, longest: int) -> Reading:
    if shortest > longest:
        raise ValueError(f"the shortest gap, {shortest}, is longer than the longest, {longest}: change one of them")
    gaps = longest - shortest + 1
    language = corpora.Renewal([0.0] * (shortest - 1) + [1 / gaps] * gaps)
    return _of_language(language, f"events {shortest} to {longest} tokens apart")


def hidden_markov(states: int, stay: float, noise: float) -> Reading:
    there = np.eye(states)
    transition = stay * there + (1 - stay) * np.roll(there, 1, axis=1)
    emission = (1 - noise) * there + noise * (1 - there) / (states - 1)
    return _of_language(corpora.HiddenMarkov(transition, emission), f"a ring of {states} hidden states")


def copying(**numbers: int) -> Reading:
    return _of_task(corpora.CopyMemory, "copying {length} symbols after {delay} steps".format(**numbers), **numbers)


def lagged_recall(**numbers: int) -> Reading:
    return _of_task(corpora.LaggedRecall, "recalling the symbol of {lag} steps ago".format(**numbers), **numbers)


def chorales() -> Reading:
    found = music()
    stream = corpora.ChoraleBatches(found.pieces.train, 8, epochs=10_000, seed=0)
    held_out = corpora.ChoraleBatches(sorted(found.pieces.valid, key=len)[-4:], 4)[0]
    return Reading(found.label, stream, _probe(held_out), None, composer=composer(found))


def wikitext_words(vocabulary: int) -> Reading:
    corpus = corpora.wikitext2(vocabulary)
    label = f"WikiText-2, its {vocabulary:,} most frequent words"
    return _of_text(Text(label, corpus.train, corpus.valid[:HELD_OUT], vocabulary, corpus.vocabulary))


def wikitext_characters() -> Reading:
    text = download.read(download.WIKITEXT2["train"]).decode()[:WIKITEXT_CHARACTERS]
    return _of_tokens("WikiText-2, its first two million characters", text, "characters", MOST_CHARACTERS)


def own_words(own: OwnText, vocabulary: int) -> Reading:
    return _of_tokens(own.name, own.text, "words", vocabulary)


def own_characters(own: OwnText) -> Reading:
    return _of_tokens(own.name, own.text, "characters", MOST_CHARACTERS)


_NOISE = Knob("noise", "How often a token is another than it should be", 0.0, 0.5, 0.05, 0.01)
_SYMBOLS = Knob("symbols", "How many different symbols there are", 2, 30, 8)
_WORDS = Knob("words kept", "The most frequent ones; all others become <unk>", 100, 5_000, 2_000, 100)

CORPORA: dict[str, Entry] = {
    "product of lags": Entry(
        "A made-up language: independent bits, each a noisy copy of its own past.",
        product_of_lags,
        {
            "bits": Knob("bits", "Of a token; their lags lie evenly between 1 and the longest", 1, 6, 3),
            "longest": Knob("longest lag", "How many tokens back the slowest bit repeats itself", 1, 40, 8),
            "noise": _NOISE,
        },
    ),
    "renewal": Entry(
        "A made-up language: silence, and events after random gaps.",
        renewal,
        {
            "shortest": Knob("shortest gap", "Tokens from one event to the next, at least", 1, 40, 4),
            "longest": Knob("longest gap", "Tokens from one event to the next, at most", 1, 40, 12),
        },
    ),
    "hidden Markov": Entry(
        "A made-up language: a hidden state goes round a ring, and a noisy token tells where it is.",
        hidden_markov,
        {
            "states": Knob("states", "Hidden states, and as many tokens", 2, 4, 3),
            "stay": Knob("stay", "How probable it is that the state stays where it is", 0.5, 0.97, 0.9, 0.01),
            "noise": _NOISE,
        },
    ),
    "copying": Entry(
        "A task: remember some symbols over a silence, then repeat them.",
        copying,
        {
            "delay": Knob("silence", "Steps between the symbols and their copy", 0, 28, 5),
            "symbols": _SYMBOLS,
            "length": Knob("to copy", "How many symbols are to be remembered", 1, 10, 3),
        },
    ),
    "lagged recall": Entry(
        "A task: say, at every step, the symbol of some steps ago.",
        lagged_recall,
        {"lag": Knob("lag", "How many steps ago", 0, 30, 8), "symbols": _SYMBOLS},
    ),
    "chorales": Entry("Bach's chorales: which of 88 keys sound next. Without a download, made-up chords.", chorales),
    "WikiText-2, words": Entry("Wikipedia by words; 13 MB, downloaded once.", wikitext_words, {"vocabulary": _WORDS}),
    "WikiText-2, characters": Entry("Wikipedia by characters; 13 MB, downloaded once.", wikitext_characters),
    "your own text, words": Entry(
        "A text file, 10 MB at most, by words.", own_words, {"vocabulary": _WORDS}, upload=True
    ),
    "your own text, characters": Entry("A text file, 10 MB at most, by characters.", own_characters, upload=True),
}
