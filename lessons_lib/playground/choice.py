"""What a learner has chosen, as a plain value, and the run that follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from lessons_lib.corpora import Batches, DataUnavailable, OwnText, download
from lessons_lib.experiments.chorales import KEYS, ChoraleModel
from lessons_lib.experiments.training import from_seed
from lessons_lib.models import LanguageModel
from lessons_lib.playground.corpora import CORPORA, Reading
from lessons_lib.playground.entry import Line, usual
from lessons_lib.playground.models import MODELS, NO_SET, OPTIMIZERS, core, sets_of
from lessons_lib.runs import Factory, Run
from lessons_lib.training import Settings


@dataclass(frozen=True)
class Choice:
    """A line of each table; ``own`` where the corpus needs a text of one's own."""

    corpus: Line
    model: Line
    optimizer: Line
    stable_set: Line
    own: OwnText | None = None

    @property
    def name(self) -> str:
        """The model with its numbers, so that two of a kind can be told apart, and the corpus."""
        knobs, numbers = MODELS[self.model.name].knobs, self.model.numbers.items()
        sizes = [f"{knobs[argument].label} {number:g}" for argument, number in numbers if number is not None]
        return f"{', '.join([self.model.name, *sizes])} on {self.corpus.name}"

    @property
    def reading(self) -> Reading:
        return reading(self.corpus.name, tuple(self.corpus.numbers.items()), self.own)

    @property
    def factory(self) -> Factory:
        """Builds model and batches; ValueError where something does not fit, in a line that says what to do."""
        return factory(self.corpus.name, self.corpus.numbers, self.model.name, self.model.numbers, self.own)

    def run(self) -> Run:
        """A new run: backpropagation through whole training steps, a twin left behind at the first change."""
        found, rate = self.reading, OPTIMIZERS[self.optimizer.name].build(**self.optimizer.numbers)
        stable_set = sets_of(self.model.name)[self.stable_set.name].build(**self.stable_set.numbers)
        settings = Settings(found.stream.steps, stable_set=stable_set, **rate)
        optimizer = self.optimizer.name.lower()
        return Run(self.factory, settings, name=self.name, optimizer=optimizer, probe=found.probe, twin=True)


def usual_choice() -> Choice:
    """What the course is about: a tanh-RNN that begins too large to forget, on real words where they are here."""
    try:
        here = download.available(*download.WIKITEXT2.values())
    except DataUnavailable:  # a wrong copy: who chooses that corpus is told
        here = False
    corpus = "WikiText-2, words" if here else "product of lags"
    model = usual(MODELS, "tanh-RNN")
    return Choice(usual(CORPORA, corpus), model, usual(OPTIMIZERS, MODELS[model.name].optimizer), Line(NO_SET, {}))


@lru_cache(maxsize=2)
def reading(corpus: str, numbers: tuple[tuple[str, Any], ...], own: OwnText | None) -> Reading:
    """What a line of :data:`CORPORA` gives.  ValueError where it cannot be had, in one line that says what to do."""
    entry = CORPORA[corpus]
    if entry.upload and own is None:
        raise ValueError("upload a text file first, of 10 MB at most: a larger one does not arrive")
    try:
        return entry.build(*[own] * entry.upload, **dict(numbers))
    except DataUnavailable as error:
        way_out = f"choose another corpus, or mend this and press Build again: {str(error).removesuffix('.')}"
        raise ValueError(f"{corpus} cannot be had on this machine now: {way_out}") from error


@from_seed
def factory(
    corpus: str,
    corpus_numbers: Mapping[str, Any],
    model: str,
    model_numbers: Mapping[str, Any],
    own: OwnText | None = None,
    seed: int = 0,
) -> tuple[LanguageModel | ChoraleModel, Batches]:
    """The model of a line of :data:`MODELS` and the batches of a line of :data:`CORPORA`."""
    found = reading(corpus, tuple(corpus_numbers.items()), own)
    if found.vocabulary_size is None:
        return ChoraleModel(core(model, KEYS, **model_numbers)), found.stream
    width = model_numbers["hidden_size"]
    return LanguageModel(core(model, width, **model_numbers), found.vocabulary_size, width), found.stream
