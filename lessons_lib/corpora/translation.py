"""Toy translation with exact scoring: numbers in words and in digits, dates between formats.

Small, but what makes translation hard is there: one symbol becomes many, many become one, and their order
changes. Train and test never share a meaning: which of the two a number or a day belongs to is decided by the
meaning alone.
"""

from abc import abstractmethod
from datetime import date
from typing import Unpack

import numpy as np
from torch import Tensor

from .tasks import BatchOptions, FreshBatches
from .text import Vocabulary

PAD, BOS, EOS = "<pad>", "<bos>", "<eos>"
Pair = tuple[list[str], list[str]]

# fmt: off
SMALL = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]
TENS = ["-", "-", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
MONTHS = [
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
]
DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
# fmt: on


class Translation(FreshBatches):
    """Batches of (source, target) pairs, each ``(batch, symbols)`` int64, ended by ``eos`` and padded with
    ``pad``.

    Widths are the same in all batches.  Targets do not begin with ``bos``: a decoder puts it there.
    ``steps`` is the larger of the two widths.

    Args:
        split: "train", or "test": a tenth of all meanings, none of which is ever in train.
        options: batch_size, batches, seed and device, as for every task.

    Attributes:
        vocabulary: of sources and targets together.
        pad, bos, eos: ids of the symbols for padding, the beginning and the end.
        source_width, target_width: of the batches, ``eos`` included.
    """

    def __init__(self, split: str = "train", **options: Unpack[BatchOptions]) -> None:
        super().__init__(max(self.source_width, self.target_width), **options)
        if split not in ("train", "test"):
            raise ValueError(f'split={split!r}: choose "train" or "test"')
        self.split = split
        self.vocabulary = Vocabulary([PAD, BOS, EOS, *self.symbols()])
        self.pad, self.bos, self.eos = 0, 1, 2

    source_width: int
    target_width: int

    @abstractmethod
    def symbols(self) -> list[str]:
        """All symbols of both languages."""

    @abstractmethod
    def draw_meaning(self, rng: np.random.Generator) -> int:
        """A random meaning as a number, of either split."""

    @abstractmethod
    def pair(self, meaning: int, rng: np.random.Generator) -> Pair:
        """Source and target symbols of a meaning."""

    @property
    def vocabulary_size(self) -> int:
        return len(self.vocabulary)

    def holds(self, meaning: int) -> bool:
        """Whether a meaning belongs to this split."""
        # Multiplying by an odd number and keeping the top bits scatters neighbours over both splits.
        scattered = (int(meaning) + 1) * 0x9E3779B97F4A7C15 % 2**64
        return (scattered < 2**64 // 10) == (self.split == "test")

    def draw_pair(self, rng: np.random.Generator) -> Pair:
        """A random pair of this split."""
        while not self.holds(meaning := self.draw_meaning(rng)):
            pass
        return self.pair(meaning, rng)

    def draw(self, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        pairs = [self.draw_pair(rng) for _ in range(self.batch_size)]
        sources, targets = zip(*pairs, strict=True)
        return self._padded(sources, self.source_width), self._padded(targets, self.target_width)

    def _padded(self, rows: tuple[list[str], ...], width: int) -> Tensor:
        filled = [word for row in rows for word in [*row, EOS, *[PAD] * (width - len(row) - 1)]]
        return self.vocabulary.encode(filled).view(len(rows), width)

    def read(self, ids: Tensor) -> str:
        """The text of one row of ids, up to its ``eos``."""
        words = self.vocabulary.decode(ids)
        return " ".join(word for word in words[: words.index(EOS) if EOS in words else None] if word not in (PAD, BOS))

    def exact_match(self, written: Tensor, targets: Tensor) -> float:
        """Share of rows that say exactly what the target says, up to and with ``eos``.

        Args:
            written: ``(batch, any time)`` ids, as a model wrote them; what follows ``eos`` does not count.
            targets: ``(batch, time)`` ids.
        """
        if len(written) != len(targets):
            raise ValueError(f"{len(written)} rows written for {len(targets)} targets")
        return sum(
            self._up_to_eos(one) == self._up_to_eos(other)
            for one, other in zip(written.tolist(), targets.tolist(), strict=True)
        ) / len(targets)

    def _up_to_eos(self, ids: list[int]) -> list[int]:
        return ids[: ids.index(self.eos) + 1] if self.eos in ids else [*ids, self.pad]


class NumberWords(Translation):
    """Numbers from 0 to 999,999: "three hundred and five" to "3 0 5", or back with ``to_words``.

    All lengths of number are equally likely.
    """

    def __init__(self, split: str = "train", *, to_words: bool = False, **options: Unpack[BatchOptions]) -> None:
        self.to_words = to_words
        widths = (12, 7)  # nine hundred and ninety nine thousand nine hundred and ninety nine <eos>
        self.source_width, self.target_width = reversed(widths) if to_words else widths
        super().__init__(split, **options)

    def symbols(self) -> list[str]:
        return [*"0123456789", *SMALL, *TENS[2:], "hundred", "thousand", "and"]

    def draw_meaning(self, rng: np.random.Generator) -> int:
        digits = int(rng.integers(1, 7))
        return int(rng.integers(10 ** (digits - 1) if digits > 1 else 0, 10**digits))

    def pair(self, meaning: int, rng: np.random.Generator) -> Pair:
        words, digits = number_in_words(meaning), list(str(meaning))
        return (digits, words) if self.to_words else (words, digits)


def number_in_words(number: int) -> list[str]:
    """0 to 999,999 as the words of British English.

    Raises:
        ValueError: a number outside that range.
    """
    if not 0 <= number < 10**6:
        raise ValueError(f"number={number}: from 0 to 999,999")
    if number < 20:
        return [SMALL[number]]
    if number < 100:
        return [TENS[number // 10], *([SMALL[number % 10]] if number % 10 else [])]
    if number < 1000:
        rest = ["and", *number_in_words(number % 100)] if number % 100 else []
        return [SMALL[number // 100], "hundred", *rest]
    rest = number_in_words(number % 1000) if number % 1000 else []
    joint = ["and"] if 0 < number % 1000 < 100 else []
    return [*number_in_words(number // 1000), "thousand", *joint, *rest]


class DateFormats(Translation):
    """Days from 1900 to 2099, written in one of four ways, to ISO 8601.

    "5 march 1998", "march 5 1998", "1998 march 5" or "thursday 5 march 1998", days and years digit by digit, to
    "1 9 9 8 - 0 3 - 0 5".
    """

    source_width, target_width = 9, 11  # thursday 1 5 march 1 9 9 8 <eos>; 1 9 9 8 - 0 3 - 0 5 <eos>
    _first, _last = date(1900, 1, 1).toordinal(), date(2099, 12, 31).toordinal()

    def symbols(self) -> list[str]:
        return [*"0123456789", "-", *MONTHS, *DAYS]

    def draw_meaning(self, rng: np.random.Generator) -> int:
        return int(rng.integers(self._first, self._last + 1))

    def pair(self, meaning: int, rng: np.random.Generator) -> Pair:
        when = date.fromordinal(meaning)
        day, month, year = list(str(when.day)), [MONTHS[when.month - 1]], list(str(when.year))
        ways = (
            [*day, *month, *year],
            [*month, *day, *year],
            [*year, *month, *day],
            [DAYS[when.weekday()], *day, *month, *year],
        )
        return ways[int(rng.integers(len(ways)))], list(when.isoformat())
