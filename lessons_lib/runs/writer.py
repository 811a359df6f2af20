"""What a language model writes now, for whoever wants to read what it has learned."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lessons_lib.models import Predictor
from lessons_lib.models.generation import generate


@dataclass(frozen=True)
class Written:
    """``prompt`` was given, ``continued`` is the model's own."""

    prompt: str
    continued: str


class Writer:
    """Lets a language model go on after a prompt; every few seconds anew, the same draws each time.

    Args:
        prompt: (time,) tokens to begin with.
        decode: tokens -> words.
        length: words to write.
        seconds: how long a text stands before the next one is asked for, so that it can be read.
        temperature, seed: of the draws, which have a generator of their own.
        between: what stands between two words.
    """

    def __init__(
        self,
        prompt: Tensor,
        decode: Callable[[Tensor], Sequence[str]],
        *,
        length: int = 30,
        seconds: float = 4.0,
        temperature: float = 1.0,
        seed: int = 0,
        between: str = " ",
    ) -> None:
        self.prompt, self.decode, self.between = prompt, decode, between
        self.length, self.seconds, self.temperature, self.seed = length, seconds, temperature, seed
        self._last: tuple[weakref.ref[Any], float, Written] | None = None

    def __call__(self, model: Predictor) -> Written:
        """What this model writes; the last text again, while that is young enough."""
        if self._last is not None:
            of, began, written = self._last
            if of() is model and time.monotonic() < began + self.seconds:
                return written
        device = next(model.parameters()).device
        generator = torch.Generator(device).manual_seed(self.seed)
        tokens = generate(model, self.prompt.to(device).unsqueeze(0), self.length, self.temperature, generator)
        written = Written(self._words(self.prompt), self._words(tokens[0].cpu()))
        self._last = weakref.ref(model), time.monotonic(), written
        return written

    def _words(self, tokens: Tensor) -> str:
        return self.between.join(self.decode(tokens))
