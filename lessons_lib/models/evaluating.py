"""A model as it predicts, not as it trains."""

from collections.abc import Iterator
from contextlib import contextmanager

from lessons_lib.models.contract import TorchModule


@contextmanager
def evaluating(model: TorchModule) -> Iterator[None]:
    """Dropout off for the length of the block, every submodule's own mode back afterwards."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
