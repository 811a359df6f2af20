"""What the lessons read: WikiText-2 cut to its most frequent words, or a made-up language where it cannot be had."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from torch import Tensor

from lessons_lib.corpora import DataUnavailable, ProductOfLags, Vocabulary, wikitext2
from lessons_lib.runs import Writer

WORDS = 2_000
WORDS_LABEL = f"WikiText-2, reduced to its {WORDS:,} most frequent words"
# Six bits that repeat what they were one to four tokens ago, one time in twenty wrongly: 64 "words".
LANGUAGE = ProductOfLags(lags=(1, 1, 2, 2, 3, 4), flips=(0.05,) * 6)
LANGUAGE_TOKENS = 700_000
HELD_OUT_TOKENS = 4_000
PROMPT = {"words": 6, "characters": 24}  # what a model that writes goes on after
WRITTEN = {"words": 30, "characters": 160}
SAMPLE = (4, 101)  # sequences and tokens on which truncation errors and gradients are measured


@dataclass(frozen=True)
class Text:
    """What a model reads, ``label`` saying what it is.

    ``train``: (time,); ``held_out``: (time,), or (rows, time) where each row is read from a zero state.
    ``vocabulary`` is None for a made-up language; ``optimal_loss`` is the best possible loss where it is known (nats).
    ``by``: what a token of a vocabulary is, "words" or "characters".
    """

    label: str
    train: Tensor
    held_out: Tensor
    vocabulary_size: int
    vocabulary: Vocabulary | None = None
    optimal_loss: float | None = None
    by: str = "words"

    @property
    def unit(self) -> str:
        """What a token is, in the plural."""
        return "tokens" if self.vocabulary is None else self.by

    def writer(self) -> Writer | None:
        """Lets a model go on after the first held-out words in a row that are all words, or letters and spaces; None
        without a vocabulary."""
        if self.vocabulary is None:
            return None
        between = "" if self.by == "characters" else " "
        stretches = self.held_out.flatten().unfold(0, PROMPT[self.by], 1)
        plain = (one for one in stretches if "".join(self.vocabulary.decode(one)).replace(" ", "").isalpha())
        return Writer(next(plain, stretches[0]), self.vocabulary.decode, length=WRITTEN[self.by], between=between)

    def sample(self) -> Tensor:
        """Held-out sequences to measure on: (sequences, tokens)."""
        rows, columns = SAMPLE
        return self.held_out[: rows * columns].view(rows, columns)


@cache
def text() -> Text:
    """WikiText-2, its 2,000 most frequent words; the embedded language where it cannot be had, and it says so."""
    try:
        corpus = wikitext2(WORDS)
    except DataUnavailable:
        return embedded_language()
    return Text(WORDS_LABEL, corpus.train, corpus.valid[:HELD_OUT_TOKENS], WORDS, corpus.vocabulary)


@cache
def embedded_language() -> Text:
    """The synthetic language that needs no download."""
    tokens = LANGUAGE.sample(LANGUAGE_TOKENS, seed=0)
    return Text(
        "an embedded language of 64 words (WikiText-2 is not on this machine)",
        tokens[HELD_OUT_TOKENS:],
        tokens[:HELD_OUT_TOKENS],
        LANGUAGE.vocabulary_size,
        optimal_loss=LANGUAGE.optimal_loss(None),
    )
