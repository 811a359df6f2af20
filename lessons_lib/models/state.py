"""What a model carries from one call to the next: a tensor, or a nested tuple of tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from torch import Tensor

# Written out, the recursive type would need a cast at every use.
State: TypeAlias = Any  # Tensor | tuple[State, ...]


def map_state(function: Callable[..., Tensor], *states: State) -> State:
    """Apply ``function`` to every tensor of a state, or to the matching tensors of several states."""
    if isinstance(states[0], Tensor):
        return function(*states)
    return tuple(map_state(function, *parts) for parts in zip(*states, strict=True))


def detach_state(state: State | None) -> State | None:
    """The same values without their history: gradients stop here, the memory does not."""
    return None if state is None else map_state(Tensor.detach, state)
