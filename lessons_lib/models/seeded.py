"""Chance from a seed of its own: torch's global generator is neither read nor moved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

# What draws and takes a generator, by the name under which torch announces it to a mode.
_DRAWING = {
    *("bernoulli_", "cauchy_", "exponential_", "geometric_", "log_normal_", "normal_", "random_", "uniform_"),
    *("rand", "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm"),
    *("bernoulli", "multinomial", "normal", "poisson"),
    *("kaiming_normal_", "kaiming_uniform_", "orthogonal_", "sparse_", "trunc_normal_"),
    *("xavier_normal_", "xavier_uniform_"),
}
_DROPOUT = (nn.functional.dropout, torch.dropout)


def seeded(seed: int) -> TorchFunctionMode:
    """A block in which this thread draws from ``seed``: initialisation, ``torch.rand`` and its kin, dropout.

    A thread beside it draws from torch's global generator as if the block were not there, and whoever seeds that one
    changes nothing in the block.  On a CPU the numbers are those that ``torch.manual_seed(seed)`` would give.

    Not reached: what draws inside a torch function without taking a generator (``nn.LSTM(dropout=...)`` between its
    own layers, ``nn.Dropout2d``, ``nn.AlphaDropout``).  No model of this library has any.
    """
    return _Seeded(seed)


class _Seeded(TorchFunctionMode):
    """Modes belong to one thread, which ``torch.random.fork_rng`` does not: it reseeds the process."""

    def __init__(self, seed: int):
        super().__init__()
        self._seed = seed
        self._generators: dict[torch.device, torch.Generator] = {}

    def _on(self, device: torch.device) -> torch.Generator:
        if device.type == "meta":  # where nothing is drawn
            device = torch.device("cpu")
        if device not in self._generators:
            self._generators[device] = torch.Generator(device).manual_seed(self._seed)
        return self._generators[device]

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if func in _DROPOUT:
            return self._dropout(*args, **kwargs)
        given = (*args, *kwargs.values())
        if getattr(func, "__name__", "") in _DRAWING and not any(isinstance(part, torch.Generator) for part in given):
            tensor = next((part for part in given if isinstance(part, Tensor)), None)
            device = kwargs.get("device") or (torch.get_default_device() if tensor is None else tensor.device)
            kwargs["generator"] = self._on(torch.device(device))
        return func(*args, **kwargs)

    def _dropout(
        self,
        input: Tensor,  # noqa: A002  # torch's name
        p: float = 0.5,
        training: bool = True,
        inplace: bool = False,
        train: bool | None = None,  # torch.dropout's name for it
    ) -> Tensor:
        """What torch does on a CPU, with another generator."""
        if not (training if train is None else train) or p == 0:
            return input
        kept = torch.empty_like(input).bernoulli_(1 - p, generator=self._on(input.device))
        kept = kept.div_(1 - p) if p < 1 else kept
        return input.mul_(kept) if inplace else input * kept
