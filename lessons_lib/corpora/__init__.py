"""Where sequences come from: texts, languages with a known optimum, and the batches that training reads."""

from .languages import HiddenMarkov, ProductOfLags, Renewal
from .stream import Batches, Stream

__all__ = ["Batches", "HiddenMarkov", "ProductOfLags", "Renewal", "Stream"]
