"""Small tasks whose difficulty is a number one chooses: how far back the answer lies.

Every batch is drawn afresh from ``(seed, index)``: nothing repeats, and the same index always gives the same
batch. For held-out data take another seed.
"""

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterator
from math import factorial, log
from typing import TypedDict, Unpack

import numpy as np
import torch
from torch import Tensor

IGNORED = -100
"""The target of a position that is not scored, as in torch."""


def scored(targets: Tensor) -> Tensor:
    """Which targets count, boolean, of the same shape: a symbol from 0 up; a real number other than ``IGNORED``."""
    return targets != IGNORED if targets.is_floating_point() else targets >= 0


class BatchOptions(TypedDict, total=False):
    """What every task takes besides its own numbers: see :class:`FreshBatches`."""

    batch_size: int
    batches: int
    seed: int
    device: torch.device | str


class FreshBatches(ABC):
    """A sequence of ``batches`` batches, each drawn when it is asked for.

    Args:
        steps: time length of a batch.
        batch_size: rows of a batch.
        batches: length of the sequence; training that goes on longer reads it again.
        seed: of everything drawn, 0 or more.
        device: where batches are put.
    """

    carries_state = False

    def __init__(
        self,
        steps: int,
        *,
        batch_size: int = 32,
        batches: int = 1000,
        seed: int = 0,
        device: torch.device | str = "cpu",
    ) -> None:
        if batch_size < 1 or batches < 1 or seed < 0:
            raise ValueError(
                f"batch_size={batch_size} and batches={batches} must be at least 1, seed={seed} not negative"
            )
        self.steps = steps
        self.batch_size = batch_size
        self.batches = batches
        self.seed = seed
        self.device = torch.device(device)

    @abstractmethod
    def draw(self, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """One batch of inputs and targets."""

    def __len__(self) -> int:
        return self.batches

    def __getitem__(self, index: int, /) -> tuple[Tensor, Tensor]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"batch {index} of a task of {len(self)} batches")
        inputs, targets = self.draw(np.random.default_rng([self.seed, index % len(self)]))
        return inputs.to(self.device), targets.to(self.device)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return (self[index] for index in range(len(self)))


class SymbolTask(FreshBatches):
    """A task over symbols, in which whoever has not seen what an answer needs can only guess.

    Inputs and targets are ``(batch, steps)`` int64, inputs below ``vocabulary_size``; ``answers`` targets are
    equally likely.
    """

    def __init__(self, steps: int, vocabulary_size: int, answers: int, **options: Unpack[BatchOptions]) -> None:
        super().__init__(steps, **options)
        self.vocabulary_size = vocabulary_size
        self.chance_loss = log(answers)
        """Nats per answer of a model that knows only which answers there are."""
        self.chance_accuracy = 1 / answers
        """Share of right answers by guessing."""


class CopyMemory(SymbolTask):
    """Repeat ``length`` symbols after a silence of ``delay`` steps (Hochreiter & Schmidhuber 1997; Bai et al.
    2018).

    ::

        inputs    s1 s2 ... sL   0  0 ...  0   r  r ...  r        0: silence, r = symbols + 1: recall now
        targets    -  - ...  -   -  - ...  -  s1 s2 ... sL        -: not scored (-100)

    Each answer lies ``lag = length + delay`` steps back, whatever its place: a model whose context is at most
    ``lag`` tokens (its own included) cannot see it, and stays at chance.

    Inputs and targets: ``(batch, steps)`` int64, with ``steps = 2 * length + delay``.

    Raises:
        ValueError: a negative delay, fewer than 2 symbols or 1 token to remember.
    """

    def __init__(self, delay: int, symbols: int = 8, length: int = 10, **options: Unpack[BatchOptions]) -> None:
        if delay < 0 or symbols < 2 or length < 1:
            raise ValueError(
                f"delay={delay} must not be negative, symbols={symbols} at least 2, length={length} at least 1"
            )
        super().__init__(2 * length + delay, symbols + 2, symbols, **options)
        self.delay = delay
        self.symbols = symbols
        self.length = length
        self.lag = length + delay
        """How many steps back each answer lies; the context that is needed is one token more."""

    def draw(self, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        remembered = torch.from_numpy(rng.integers(1, self.symbols + 1, (self.batch_size, self.length)))
        inputs = remembered.new_zeros(self.batch_size, self.steps)
        inputs[:, : self.length] = remembered
        inputs[:, -self.length :] = self.symbols + 1
        targets = torch.full_like(inputs, IGNORED)
        targets[:, -self.length :] = remembered
        return inputs, targets


class LaggedRecall(SymbolTask):
    """Say, at every step, the symbol of ``lag`` steps ago: one number decides how much memory is needed.

    Inputs and targets: ``(batch, steps)`` int64; the first ``lag`` targets are -100.  A context of ``lag +
    1`` tokens (its own included) is enough for every answer, and one token less for none.

    Raises:
        ValueError: a negative lag, fewer than 2 symbols, or ``steps`` that do not exceed the lag.
    """

    def __init__(
        self, lag: int, symbols: int = 8, *, steps: int | None = None, **options: Unpack[BatchOptions]
    ) -> None:
        steps = 2 * lag + 10 if steps is None else steps
        if lag < 0 or symbols < 2 or steps <= lag:
            raise ValueError(
                f"lag={lag} must not be negative, symbols={symbols} at least 2, steps={steps} above the lag"
            )
        super().__init__(steps, symbols, symbols, **options)
        self.lag = lag
        self.symbols = symbols

    def draw(self, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        inputs = torch.from_numpy(rng.integers(0, self.symbols, (self.batch_size, self.steps)))
        targets = torch.full_like(inputs, IGNORED)
        targets[:, self.lag :] = inputs[:, : self.steps - self.lag]
        return inputs, targets


class RunningProducts(SymbolTask):
    """Say, at every step, the product of all permutations read so far: what a model must never forget.

    ``things=2`` is running *parity*: 0 leaves the two as they are, 1 swaps them, and the target is 1 after an odd
    number of swaps.  With 3 things there are 6 permutations, whose order matters; with 5, 120, whose products no
    threshold circuits of fixed depth and polynomial size compute, unless those compute all that formulas of
    logarithmic depth do (TC0 = NC1), which nobody expects (Barrington 1989; Merrill, Petty & Sabharwal 2024, arXiv
    2404.08819).

    Inputs and targets: ``(batch, steps)`` int64, numbers of permutations in lexicographic order, 0 the identity.
    Every target is scored.  Each depends on every input before it: whoever misses one is at chance.

    Raises:
        ValueError: things are not 2 to 5, or no steps.
    """

    def __init__(self, things: int = 2, *, steps: int = 40, **options: Unpack[BatchOptions]) -> None:
        if not 2 <= things <= 5 or steps < 1:
            raise ValueError(f"things={things} must be 2 to 5, steps={steps} at least 1")
        super().__init__(steps, factorial(things), factorial(things), **options)
        self.things = things
        permutations = list(itertools.permutations(range(things)))
        number = {permutation: index for index, permutation in enumerate(permutations)}
        self.table = np.array([[number[tuple(p[i] for i in q)] for q in permutations] for p in permutations])
        """``table[p, q]``: p after q, that is i -> p[q[i]]."""

    def draw(self, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        inputs = rng.integers(0, self.vocabulary_size, (self.batch_size, self.steps))
        targets = inputs.copy()
        for t in range(1, self.steps):
            targets[:, t] = self.table[inputs[:, t], targets[:, t - 1]]
        return torch.from_numpy(inputs), torch.from_numpy(targets)


class AddingProblem(FreshBatches):
    """Add the two marked numbers of a long row (Hochreiter & Schmidhuber 1997, section 5.4).

    Inputs: ``(batch, length, 2)`` float32; channel 0 holds uniform numbers in [0, 1), channel 1 is 1 at two
        places, one in each half, and 0 elsewhere.  Targets: ``(batch, length)`` float32, at the last step the sum
        of the two marked numbers, to be scored by its mean squared error; the steps before are not scored (-100).

    Raises:
        ValueError: a length below 2.
    """

    chance_loss = 1 / 6
    """Mean squared error of always saying 1: the variance of the sum of two uniform numbers."""

    def __init__(self, length: int, **options: Unpack[BatchOptions]) -> None:
        if length < 2:
            raise ValueError(f"length={length}: two numbers to add need at least 2 steps")
        super().__init__(length, **options)
        self.length = length

    def draw(self, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        rows = np.arange(self.batch_size)
        numbers = rng.random((self.batch_size, self.length), dtype=np.float32)
        first = rng.integers(0, self.length // 2, self.batch_size)
        second = rng.integers(self.length // 2, self.length, self.batch_size)
        marks = np.zeros_like(numbers)
        marks[rows, first] = marks[rows, second] = 1
        sums = numbers[rows, first] + numbers[rows, second]
        targets = np.full_like(numbers, IGNORED)
        targets[:, -1] = sums
        return torch.from_numpy(np.stack([numbers, marks], axis=-1)), torch.from_numpy(targets)
