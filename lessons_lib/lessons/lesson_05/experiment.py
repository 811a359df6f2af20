"""Why feed-forward?  Three promises, measured on the machine at hand: parallel, trainable, fast.

- **parallel**: tokens a second in a training step, against the length of the sequences;
- **trainable**: how the gradient of the last output fades or grows with the lag, over seeds;
- **fast**: milliseconds per generated token, against how many there are already, with a cache and without.

``REFERENCE`` stores all three for one machine, with its load; what lesson 05 says of them are ratios.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn

from lessons_lib.experiments.experiment import Experiment
from lessons_lib.experiments.machine import describe_machine, shortest
from lessons_lib.models import LSTM, TCN, Core, LanguageModel, TanhRNN, Transformer, generate_tokens, seeded
from lessons_lib.stability import input_gradient
from lessons_lib.training import default_device

Clock = Callable[[], float]
FAMILIES = ("lstm", "tcn", "transformer")
LENGTH, WIDTH, BATCH = 64, 64, 8
LENGTHS, SEEDS, LAGS, PAST = (1, 4, 16, 64, 256), tuple(range(10)), 30, (16, 64, 256, 1_024)
VOCABULARY, TOKENS = 100, 40  # of the generating models; tokens timed at each place


def core(family: str, width: int = WIDTH) -> LSTM | TCN | Transformer:
    """A core of about 16 x width² weights: two LSTM layers, a TCN that sees 31 steps, or a Transformer block.

    Raises:
        ValueError: unknown family.
    """
    if family == "lstm":
        return LSTM(width, width, layers=2)
    if family == "tcn":
        return TCN(width, width, layers=4)
    if family == "transformer":
        return Transformer(width, width, layers=1)
    raise ValueError(f"unknown family {family!r}: choose one of {', '.join(FAMILIES)}")


# -- parallel -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Throughput:
    """Tokens a second in a training step, forward and backward, without the softmax, which is the same for all."""

    family: str
    length: int
    width: int
    batch: int
    tokens_per_second: float


def throughput(
    family: str,
    length: int = LENGTH,
    width: int = WIDTH,
    batch: int = BATCH,
    *,
    repeats: int = 3,
    clock: Clock = time.perf_counter,
) -> Throughput:
    """One measurement, on random inputs."""
    device = default_device()
    with seeded(0):
        model = core(family, width).to(device)
        inputs = torch.randn(batch, length, width, device=device)

    def step() -> None:
        model.zero_grad(set_to_none=True)
        model(inputs)[0].square().mean().backward()

    return Throughput(family, length, width, batch, batch * length / shortest(step, repeats, clock=clock))


def one_after_the_other(core: Core, inputs: Tensor) -> Tensor:
    """What a core makes of (batch, time, width), fed a position at a time with the state that the last one left."""
    outputs, state = [], None
    for position in inputs.split(1, dim=1):
        output, state = core(position, state)
        outputs.append(output)
    return torch.cat(outputs, dim=1)


def dependent_operations(result: Tensor) -> int:
    """How many operations led to a tensor, each waiting for the one before: the longest way through autograd's record.

    Raises:
        ValueError: the tensor bears no record.
    """
    if result.grad_fn is None:
        raise ValueError("nothing is recorded of this tensor: compute it from parameters, without torch.no_grad()")
    longest: dict[Any, int] = {}
    waiting = [(result.grad_fn, False)]
    while waiting:
        operation, counted = waiting.pop()
        before = [earlier for earlier, _ in operation.next_functions if earlier is not None]
        if counted:
            longest[operation] = 1 + max((longest[earlier] for earlier in before), default=0)
        elif operation not in longest:
            waiting += [(operation, True), *((earlier, False) for earlier in before)]
    return longest[result.grad_fn]


# -- trainable ----------------------------------------------------------------------------------------------------

STARTS: dict[str, tuple[str, Callable[[], nn.Module]]] = {
    "RNN, W = 0.5 x orthogonal": ("stable rnn", lambda: _rnn(0.5)),
    "RNN, W = 2 x orthogonal": ("rnn", lambda: _rnn(2.0)),
    "LSTM": ("lstm", lambda: core("lstm")),
    "TCN": ("tcn", lambda: core("tcn")),
    "Transformer": ("transformer", lambda: core("transformer")),
}


def _rnn(gain: float) -> TanhRNN:
    rnn = TanhRNN(WIDTH, WIDTH)
    nn.init.orthogonal_(dict(rnn.named_parameters())["cells.0.weight_hh_l0"], gain)
    return rnn


def input_gradient_norms(start: str, seed: int, lags: int = LAGS) -> list[float]:
    """Norm of the gradient of the last output by the input 0, 1, 2, ..., ``lags`` steps back, before any training.

    In float64, so that a small gradient is told from none.
    """
    with seeded(seed):
        model = STARTS[start][1]().double()
        inputs = torch.randn(4, lags + 1, WIDTH, dtype=torch.float64)
    return input_gradient(model, inputs).tolist()


# -- fast ---------------------------------------------------------------------------------------------------------


@torch.no_grad()
def ms_per_token(
    family: str, past: int, *, cached: bool, tokens: int = TOKENS, clock: Clock = time.perf_counter
) -> float:
    """Milliseconds for the next token of a text when ``past`` tokens are there already: the shortest of ``tokens``."""
    device = default_device()
    with seeded(0):
        model = LanguageModel(core(family), VOCABULARY, WIDTH).to(device)
        prompt = torch.randint(VOCABULARY, (1, past)).to(device)
    drawn = generate_tokens(model, prompt, temperature=0, cached=cached)
    next(drawn)  # reads the prompt, and fills the cache
    taken: list[float] = []
    for token in _timed(islice(drawn, tokens), taken, clock):
        token.item()  # waits for the device
    return 1_000 * min(taken)


def _timed(tokens: Any, taken: list[float], clock: Clock) -> Any:
    started = clock()
    for token in tokens:
        yield token
        taken.append(clock() - started)
        started = clock()


class Counted(nn.Module):
    """A core that counts the positions it is given: what generation reads, whatever the clock says."""

    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner, self.read = inner, 0
        self.input_size, self.hidden_size = inner.input_size, inner.hidden_size

    @property
    def context_length(self) -> int | None:
        return self.inner.context_length

    def forward(self, inputs: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        self.read += inputs.shape[1]
        return self.inner(inputs, state)


# -- all three, and the artefact --------------------------------------------------------------------------------------


def measure(
    lengths: Sequence[int] = LENGTHS,
    past: Sequence[int] = PAST,
    seeds: Sequence[int] = SEEDS,
    *,
    repeats: int = 3,
    clock: Clock = time.perf_counter,
) -> dict[str, Any]:
    """The three panels of one machine, and what machine it is.

    ``throughput``: by family, tokens a second for each of ``lengths``.  ``gradients``: by start, for each seed the
    norms by lag.  ``generation``: "family, cached" and "family, not cached", ms per token for each of ``past``.
    """
    return {
        "machine": describe_machine(),
        "lengths": list(lengths),
        "past": list(past),
        "throughput": {
            family: [throughput(family, length, repeats=repeats, clock=clock).tokens_per_second for length in lengths]
            for family in FAMILIES
        },
        "gradients": {start: [input_gradient_norms(start, seed) for seed in seeds] for start in STARTS},
        "generation": {
            f"{family}, {'cached' if cached else 'not cached'}": [
                ms_per_token(family, n, cached=cached, clock=clock) for n in past
            ]
            for family in FAMILIES
            for cached in (True, False)
        },
    }


REPEATS = 9
REFERENCE: Experiment[dict[str, Any]] = Experiment(
    "why_feed_forward",
    "one machine's throughput, gradients and generation speed, and how busy it was",
    [{}],
    # Processor time of its one thread: on a busy machine, too, what a quiet one would need.
    lambda: measure(repeats=REPEATS, clock=time.process_time),
    dict,
    {
        "clock": "processor time",
        "lengths": LENGTHS,
        "lags": LAGS,
        "gradient_seeds": SEEDS,
        "past": PAST,
        "width": WIDTH,
        "batch": BATCH,
        "vocabulary": VOCABULARY,
        "tokens_timed": TOKENS,
        "repeats": REPEATS,
    },
)
