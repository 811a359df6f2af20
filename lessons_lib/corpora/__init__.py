"""Where sequences come from: texts, languages with a known optimum, small tasks, and the batches of them all."""

from .download import DataUnavailable
from .languages import HiddenMarkov, ProductOfLags, Renewal
from .music import ChoraleBatches, Chorales, frame_loss, jsb_chorales
from .own_text import OwnText, tokens_of
from .stream import Batches, Stream
from .tasks import AddingProblem, CopyMemory, FreshBatches, LaggedRecall, RunningProducts
from .text import TextCorpus, Vocabulary, wikitext2
from .translation import DateFormats, NumberWords, Translation
from .waveforms import mu_law_decode, mu_law_encode, render_chords, vowels

__all__ = [
    "AddingProblem",
    "Batches",
    "ChoraleBatches",
    "Chorales",
    "CopyMemory",
    "DataUnavailable",
    "DateFormats",
    "FreshBatches",
    "HiddenMarkov",
    "LaggedRecall",
    "NumberWords",
    "OwnText",
    "ProductOfLags",
    "Renewal",
    "RunningProducts",
    "Stream",
    "TextCorpus",
    "Translation",
    "Vocabulary",
    "frame_loss",
    "jsb_chorales",
    "mu_law_decode",
    "mu_law_encode",
    "render_chords",
    "tokens_of",
    "vowels",
    "wikitext2",
]
