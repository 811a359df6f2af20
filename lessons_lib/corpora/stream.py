"""Batches in reading order: what every training loop of the course reads from."""

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor


@runtime_checkable
class Batches(Protocol):
    """What ``train`` needs from a task: a sequence of ``(inputs, targets)``, batch first.

    ``steps`` is the time length of a batch.  ``carries_state`` says whether batch ``i + 1`` continues batch
    ``i`` row by row (a stream) or every batch starts anew (the state is reset).  Indexing past the end raises
    ``IndexError``, and the same index always gives the same batch: a resumed run reads what the first one
    would have.  Targets of -100 are not scored.
    """

    @property
    def steps(self) -> int: ...

    @property
    def carries_state(self) -> bool: ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> tuple[Tensor, Tensor]: ...


class Stream:
    """One long text, cut into ``batch_size`` equal columns that are read side by side.

    ``stream[i]`` is ``(inputs, targets)``, each ``(batch_size, steps)`` int64 on the device of ``tokens``;
    targets are the inputs one token later.  Row ``b`` of batch ``i + 1`` continues row ``b`` of batch ``i``,
    so a carried state sees unbroken text::

        tokens   a b c d e f g h i j k l m        batch_size=2, steps=3

        column 0   a b c | d e f                  stream[0]: inputs  a b c   targets  b c d
        column 1   g h i | j k l                                    g h i            h i j

    The tail that fills no whole batch is left out.

    Args:
        tokens: ``(time,)`` integer tensor.
        batch_size: columns read in parallel.
        steps: tokens per column and batch.
        unit: what a token is, in the plural, for whoever shows it: "words", "characters".

    Raises:
        ValueError: tokens are not a 1-d integer tensor, or too short for one batch.
    """

    carries_state = True

    def __init__(self, tokens: Tensor, batch_size: int, steps: int, *, unit: str = "tokens") -> None:
        countable = not (tokens.is_floating_point() or tokens.is_complex() or tokens.dtype == torch.bool)
        if tokens.ndim != 1 or not countable:
            raise ValueError(
                f"a stream reads token ids, a 1-d integer tensor, not {tuple(tokens.shape)} of {tokens.dtype}"
            )
        if batch_size < 1 or steps < 1:
            raise ValueError(f"batch_size={batch_size} and steps={steps} must both be at least 1")
        column = (len(tokens) - 1) // batch_size
        if column < steps:
            raise ValueError(
                f"{len(tokens)} tokens are too few for batch_size={batch_size} and steps={steps}: "
                f"pass at least {batch_size * steps + 1} tokens, or lower one of the two"
            )
        tokens = tokens.long()
        self.batch_size = batch_size
        self.steps = steps
        self.unit = unit
        self._length = column // steps
        self._inputs = tokens[: batch_size * column].view(batch_size, column)
        self._targets = tokens[1 : batch_size * column + 1].view(batch_size, column)

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int, /) -> tuple[Tensor, Tensor]:
        if not -self._length <= index < self._length:
            raise IndexError(f"batch {index} of a stream of {self._length} batches")
        start = index % self._length * self.steps
        window = slice(start, start + self.steps)
        return self._inputs[:, window].clone(), self._targets[:, window].clone()

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return (self[index] for index in range(self._length))

    def __repr__(self) -> str:
        return f"Stream({self._length} batches of {self.batch_size} x {self.steps} tokens)"
