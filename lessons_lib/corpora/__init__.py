"""Where sequences come from: texts, languages with a known optimum, and the batches that training reads."""

from .download import DataUnavailable
from .languages import HiddenMarkov, ProductOfLags, Renewal
from .stream import Batches, Stream
from .text import TextCorpus, Vocabulary, wikitext2

__all__ = [
    "Batches",
    "DataUnavailable",
    "HiddenMarkov",
    "ProductOfLags",
    "Renewal",
    "Stream",
    "TextCorpus",
    "Vocabulary",
    "wikitext2",
]
