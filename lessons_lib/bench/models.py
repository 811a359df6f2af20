"""What the sweep over context lengths costs, against a recurrent layer run over every position's own window."""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

from lessons_lib.bench import Gate
from lessons_lib.experiments.machine import cpu_seconds
from lessons_lib.models import GRU, LSTM, Recurrent, RecurrentCore, TanhRNN, truncated_outputs

CONTEXT_LENGTH, SPEED_LIMIT, MEMORY_LIMIT = 35, 2.0, 1.1
BATCH, TIME, WIDTH = 20, 50, 200
Way = Callable[[RecurrentCore, Tensor, int], Tensor]
KINDS: dict[str, type[RecurrentCore]] = {"tanh-RNN": TanhRNN, "GRU": GRU, "LSTM": LSTM}


def unfolded(core: RecurrentCore, inputs: Tensor, context_length: int) -> Tensor:
    """The usual way: one window per position, (batch, time, width) -> (batch, time, hidden).

    Inputs before the first are zeros, so the first ``context_length - 1`` outputs differ from the sweep's.
    """
    batch, time_ = inputs.shape[:2]
    padded = F.pad(inputs, (0, 0, context_length - 1, 0))
    windows = padded.unfold(1, context_length, 1).transpose(2, 3).flatten(0, 1)
    return core.cells[0](windows)[0][:, -1].unflatten(0, (batch, time_))


def sweep(core: Recurrent, inputs: Tensor, context_length: int) -> Tensor:
    """Every context length up to ``context_length``, the last one kept."""
    return deque(truncated_outputs(core, inputs, context_length), maxlen=1)[0]


@torch.no_grad()
def speed(kind: str, repeats: int = 7) -> float:
    """How many times faster the sweep is at k = 35, in CPU time; the two take turns, best of ``repeats``."""
    torch.manual_seed(0)
    core, inputs = KINDS[kind](WIDTH, WIDTH), torch.randn(BATCH, TIME, WIDTH)
    late = slice(CONTEXT_LENGTH, None)
    outputs = (way(core, inputs, CONTEXT_LENGTH)[:, late] for way in (unfolded, sweep))
    torch.testing.assert_close(*outputs, rtol=1e-4, atol=1e-5)
    times = [
        [cpu_seconds(partial(way, core, inputs, CONTEXT_LENGTH)) for way in (unfolded, sweep)] for _ in range(repeats)
    ]
    window, swept = map(min, zip(*times, strict=True))
    return window / swept


class PeakMemory(TorchDispatchMode):
    """Counts the bytes of the tensors that operators make while they live; ``peak`` is the most at one time.

    Args:
        before: tensors that were there, which are not counted; nor are views of them.
    """

    def __init__(self, before: Iterable[Tensor]) -> None:
        super().__init__()
        self.live = self.peak = 0
        self._known = {tensor.untyped_storage().data_ptr() for tensor in before}

    def __torch_dispatch__(
        self, function: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        for tensor in tree_flatten(result)[0]:
            if isinstance(tensor, Tensor):
                self._count(tensor.untyped_storage())
        return result

    def _count(self, storage: torch.UntypedStorage) -> None:
        address, size = storage.data_ptr(), storage.nbytes()
        if address not in self._known:
            self._known.add(address)
            self.live += size
            self.peak = max(self.peak, self.live)
            weakref.finalize(storage, self._forget, address, size)

    def _forget(self, address: int, size: int) -> None:
        self._known.discard(address)
        self.live -= size


@torch.no_grad()
def peak_memory(way: Way, kind: str, context_length: int, *, batch: int = BATCH, width: int = WIDTH) -> int:
    """The most bytes that ``unfolded`` or ``sweep`` holds at one time, over and above weights and inputs."""
    core, inputs = KINDS[kind](width, width), torch.randn(batch, TIME, width)
    with PeakMemory([*core.state_dict().values(), inputs]) as memory:
        way(core, inputs, context_length)
    return memory.peak


def gates() -> list[Gate]:
    """Speed of the sweep for each kind, and its memory."""
    title = f"all contexts up to {CONTEXT_LENGTH} in one sweep, batch {BATCH} x {TIME} tokens, width {WIDTH}"
    found = [
        Gate(f"{kind}: {title}, times the speed of unfolded windows", speed(kind), SPEED_LIMIT, at_least=True)
        for kind in KINDS
    ]
    short, long = (peak_memory(sweep, "LSTM", k) for k in (CONTEXT_LENGTH // 7, CONTEXT_LENGTH))
    return [
        *found,
        Gate(f"LSTM: memory at k = {CONTEXT_LENGTH}, of that at k = 5", long / short, MEMORY_LIMIT),
        Gate("LSTM: memory, of unfolded windows", long / peak_memory(unfolded, "LSTM", CONTEXT_LENGTH)),
    ]
