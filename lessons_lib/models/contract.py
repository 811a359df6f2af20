"""What a model is, in types: anything that keeps the contract will do, whoever wrote it.

``SequenceModel`` is what all have in common; ``Core`` reads vectors, and ``Recurrent`` can be taken a step at a time.
``Trainable`` has a loss, and ``Predictor`` is a core between an embedding and a head.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

from torch import Tensor, nn

from lessons_lib.models.state import State


class TorchModule(Protocol):
    """What the library asks of a ``torch.nn.Module``, which every model is; a protocol cannot inherit from it."""

    def parameters(self, recurse: bool = True) -> Iterator[nn.Parameter]: ...

    def modules(self) -> Iterator[nn.Module]: ...

    def children(self) -> Iterator[nn.Module]: ...

    def train(self, mode: bool = True) -> Any: ...

    def eval(self) -> Any: ...


class SequenceModel(TorchModule, Protocol):
    """``model(inputs, state=None) -> (outputs, state)``, batch first: written as ``forward``, called as torch calls it.

    inputs: (batch, time, ...), outputs: (batch, time, width); None is the state before a sequence begins.
    ``context_length``: how many inputs an output may depend on; None: the whole past.
    """

    @property
    def context_length(self) -> int | None: ...

    def __call__(self, inputs: Tensor, state: State | None = None, /) -> tuple[Any, State]: ...


class Core(SequenceModel, Protocol):
    """Reads vectors: (batch, time, input_size) -> (batch, time, hidden_size)."""

    @property
    def input_size(self) -> int: ...

    @property
    def hidden_size(self) -> int: ...


@runtime_checkable
class Recurrent(Core, Protocol):
    """A core that can be taken one step at a time from any state: what both kinds of truncation are made of."""

    def zero_state(self, batch_size: int, /) -> State:
        """The state before the first input: tensors of shape (layers, batch, width)."""

    def project(self, inputs: Tensor, /) -> Tensor:
        """What a step needs of the inputs, for many steps at once: (..., input_size) -> (..., width)."""

    def step(self, projected: Tensor, state: State, /) -> tuple[Tensor, State]:
        """One time step: (batch, width) -> output (batch, hidden_size), and the next state."""


class Trainable(SequenceModel, Protocol):
    """A model with a loss, which is all that training asks for."""

    def loss(self, features: Any, targets: Tensor, /) -> Tensor:
        """Mean nats over what is scored, 0-d; ``features`` are the model's outputs."""


class Predictor(Trainable, Protocol):
    """A core between an embedding and a head, for tokens or for vectors."""

    @property
    def core(self) -> Core: ...

    def embed(self, inputs: Tensor, /) -> Tensor:
        """What is read -> what the core is fed, (..., core.input_size)."""

    def logits(self, features: Tensor, /) -> Tensor:
        """(..., core.hidden_size) -> (..., how many things may come next)."""
