"""How fast a training step is, and how much memory it takes, beside the plain way: ratios from one run.

The plain way is what language-model scripts do: ``nn.RNN`` or ``nn.LSTM``, the full log-softmax over (N, V), and
a loop over the parameters for SGD.  Both sides start from the same weights and read the same batches, one thread,
alternating, process CPU time, medians.
"""

from __future__ import annotations

import copy
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lessons_lib.bench import Gate
from lessons_lib.corpora import Stream
from lessons_lib.experiments.machine import cpu_seconds
from lessons_lib.models import LSTM, LanguageModel, State, TanhRNN, seeded
from lessons_lib.models.adaptive import AdaptiveLanguageModel
from lessons_lib.stability import StableSet, Unconstrained, stable_sets
from lessons_lib.training import Settings, TrainingState, mean_loss, training_step
from lessons_lib.wikitext2.rows import config_of

VOCABULARY, WIDTH, BATCH, STEPS = 33_278, 200, 20, 35
CLIP, RATE = 0.25, 1.0
STATUS = Path("/proc/self/status")
CORES: dict[str, Any] = {"rnn": (TanhRNN, nn.RNN), "lstm": (LSTM, nn.LSTM)}


class Plain(nn.Module):
    """The reference: one recurrent layer, and log-probabilities of every token at every position at once."""

    def __init__(self, model: LanguageModel, kind: Any):
        super().__init__()
        self.embedding = copy.deepcopy(model.embedding)
        self.core = kind(WIDTH, WIDTH, batch_first=True)
        self.core.load_state_dict(model.core.cells[0].state_dict())
        self.decoder = copy.deepcopy(model.decoder)

    def loss(self, inputs: Tensor, targets: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        outputs, state = self.core(self.embedding(inputs), state)
        log_p = F.log_softmax(self.decoder(outputs), dim=-1)
        return F.nll_loss(log_p.view(-1, VOCABULARY), targets.reshape(-1)), state

    def training_step(self, inputs: Tensor, targets: Tensor, state: State | None) -> tuple[Tensor, State | None]:
        self.zero_grad()
        detached = state if state is None or isinstance(state, Tensor) else tuple(s.detach() for s in state)
        detached = detached.detach() if isinstance(detached, Tensor) else detached
        loss, state = self.loss(inputs, targets, detached)
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters(), CLIP)
        with torch.no_grad():
            for parameter in self.parameters():
                if parameter.grad is not None:
                    parameter.add_(parameter.grad, alpha=-RATE)
        return loss.detach(), state


def build(core: str) -> tuple[TrainingState, Plain, Settings]:
    """Ours and the plain way, on the same weights and the same random tokens."""
    torch.manual_seed(0)
    ours, theirs = CORES[core]
    model = LanguageModel(ours(WIDTH, WIDTH), VOCABULARY, WIDTH)
    plain = Plain(model, theirs)
    stream = Stream(torch.randint(VOCABULARY, (BATCH * STEPS * 12 + 1,)), BATCH, STEPS)
    settings = Settings(STEPS, learning_rate=RATE, gradient_clip=CLIP)
    return TrainingState.begin(model, stream), plain, settings


def check_equal(core: str) -> None:
    """Loss and gradients of both sides agree to 1e-5 relative (against the plain way in float64).

    Raises:
        AssertionError: they do not, and comparing their speed would mean nothing.
    """
    state, plain, _ = build(core)
    inputs, targets = state.stream[0]
    features, _ = state.model(inputs)
    loss = state.model.loss(features, targets)
    loss.backward()
    exact = plain.double()
    reference, _ = exact.loss(inputs, targets)
    reference.backward()
    found = {name.replace("cells.0.", ""): p.grad for name, p in state.model.named_parameters()}
    pairs: list[Any] = [(found[name], p.grad) for name, p in exact.named_parameters()]
    gap = max(((ours - theirs).norm() / theirs.norm()).item() for ours, theirs in pairs)
    off = abs(loss.item() / reference.item() - 1)
    if gap > 1e-5 or off > 1e-5:
        raise AssertionError(f"{core}: gradients differ by {gap:.1e}, losses by {off:.1e}")
    print(f"{core}: gradients agree to {gap:.0e} relative, losses to {off:.0e}")


def step_speed(core: str, repeats: int = 9) -> float:
    """How many of our training steps fit into one plain step."""
    state, plain, settings = build(core)
    carried = None
    ours, theirs = [], []
    for repeat in range(repeats + 1):
        inputs, targets = state.stream[repeat]
        started = time.process_time()
        training_step(state, settings)
        between = time.process_time()
        _, carried = plain.training_step(inputs, targets, carried)
        ended = time.process_time()
        if repeat:  # the first of each warms up
            ours.append(between - started)
            theirs.append(ended - between)
    return statistics.median(theirs) / statistics.median(ours)


@torch.no_grad()
def evaluation_speed(core: str, repeats: int = 5) -> float:
    """How many times faster perplexity is than the plain way: log-probabilities of one stretch after another."""
    state, plain, _ = build(core)
    tokens = torch.randint(VOCABULARY, (2 * BATCH * STEPS + 1,))

    def plainly() -> float:
        total, carried = 0.0, None
        for first in range(0, len(tokens) - 1, BATCH * STEPS):
            part = tokens[first : first + BATCH * STEPS + 1].unsqueeze(0)
            loss, carried = plain.loss(part[:, :-1], part[:, 1:], carried)
            total += loss.item() / 2
        return total

    ours, theirs = [], []
    for repeat in range(repeats + 1):
        mine = cpu_seconds(lambda: mean_loss(state.model, tokens))
        other = cpu_seconds(plainly)
        if repeat:
            ours.append(mine)
            theirs.append(other)
    return statistics.median(theirs) / statistics.median(ours)


def memory_growth(core: str) -> float:
    """Growth of the peak resident memory over three training steps, ours over the plain way's.

    The least of three fresh processes each: in some the allocator keeps one more matrix of the head's size.
    """
    ours, plain = (min(_growth(core, side) for _ in range(3)) for side in ("ours", "plain"))
    return ours / plain


def _growth(core: str, side: str) -> float:
    code = f"from lessons_lib.bench.training import print_growth; print_growth({core!r}, {side!r})"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(answer.stdout)


def print_growth(core: str, side: str) -> None:
    """In a fresh process: print by how many kB three steps raise the peak resident memory."""
    torch.set_num_threads(1)
    state, plain, settings = build(core)
    inputs, targets = state.stream[0]
    before = peak_memory()
    carried = None
    for _ in range(3):
        if side == "ours":
            training_step(state, settings)
        else:
            _, carried = plain.training_step(inputs, targets, carried)
    print(peak_memory() - before)


def peak_memory() -> int:
    """The peak resident memory of this process so far, kB (Linux).

    Not ``ru_maxrss``: a process that was started by a large one inherits its peak.
    """
    return int(next(line.split()[1] for line in STATUS.read_text().splitlines() if line.startswith("VmHWM")))


def projection_share(core: str, stable_set: StableSet, width: int, adaptive: bool, repeats: int = 5) -> float:
    """Share of a full-vocabulary training step that an exact projection takes, with weights that keep leaving."""
    torch.manual_seed(0)
    recurrent = CORES[core][0](width, width, input_clip=0.75)
    if adaptive:
        model: LanguageModel = AdaptiveLanguageModel(recurrent, torch.arange(VOCABULARY), width, (2000, 10000))
    else:
        model = LanguageModel(recurrent, VOCABULARY, width)
    stream = Stream(torch.randint(VOCABULARY, (BATCH * STEPS * 12 + 1,)), BATCH, STEPS)
    state = TrainingState.begin(model, stream)
    settings = Settings(STEPS, learning_rate=RATE, gradient_clip=CLIP, stable_set=Unconstrained())
    stable_set.project_(model)
    steps, projections = [], []
    for repeat in range(repeats + 1):
        step = cpu_seconds(lambda: training_step(state, settings))
        projection = cpu_seconds(lambda: stable_set.project_(model))
        if repeat:
            steps.append(step)
            projections.append(projection)
    return statistics.median(projections) / (statistics.median(steps) + statistics.median(projections))


def study_speed(row: str, repeats: int = 9) -> float:
    """Tokens a second of a row of the WikiText-2 study, relative to its unbounded LSTM's, under ``laptop``.

    The tokens are random, as often as Zipf's law says: the frequent ones are cheap in an adaptive softmax.
    """
    configs = [config_of(name, "laptop") for name in (row, "lstm-unstable")]
    counts = (1e6 / torch.arange(3, VOCABULARY + 3)).long()
    seconds: list[list[float]] = [[], []]
    trainings = []
    for config in configs:
        with seeded(0):
            model = config.build_model(counts)
            tokens = torch.multinomial(counts.double(), config.batch_size * 420 + 1, replacement=True)
        settings = Settings(
            config.steps,
            learning_rate=config.learning_rate,
            gradient_clip=config.gradient_clip,
            stable_set=config.build_set(),
        )
        stream = Stream(tokens, config.batch_size, config.steps)
        trainings.append((TrainingState.begin(model, stream, optimizer=config.optimizer), settings))
    for _ in range(repeats + 1):
        for taken, (state, settings) in zip(seconds, trainings, strict=True):
            taken.append(cpu_seconds(lambda: training_step(state, settings)))  # noqa: B023  (called at once)
    ours, lstm = (statistics.median(taken[1:]) for taken in seconds)  # the first warms up
    a_step = [config.batch_size * config.steps for config in configs]
    return (a_step[0] / ours) / (a_step[1] / lstm)


def gates() -> list[Gate]:
    """Every ratio of this module with its limit; those of memory only where the system tells a process its peak."""
    found = []
    if not STATUS.exists():
        print(f"  memory is left out: {STATUS} is not there (Linux alone has it)")
    for core in CORES:
        check_equal(core)
        found += [
            Gate(f"{core} 1x{WIDTH}: training step, times the plain speed", step_speed(core), 1.5, at_least=True),
            Gate(f"{core} 1x{WIDTH}: evaluation, times the plain speed", evaluation_speed(core), 1.7, at_least=True),
        ]
        if STATUS.exists():
            found.append(Gate(f"{core} 1x{WIDTH}: memory growth, of the plain way's", memory_growth(core), 0.35))
    fitting = [(core, kind) for core, (ours, _) in CORES.items() for kind in stable_sets() if kind.fits(ours(1, 1))]
    for core, kind in fitting:
        name, stable_set = f"{core} in {kind.name}", kind()
        for width, limit in ((256, 0.02), (512, 0.06)):
            share = projection_share(core, stable_set, width, adaptive=False)
            found.append(Gate(f"{name} 1x{width}: projection, of a full-vocabulary step", share, limit))
        share = projection_share(core, stable_set, 256, adaptive=True)
        found.append(Gate(f"{name} 1x256: projection, of an adaptive-softmax step", share))
    for row, limit in (("linear-stable", 0.7), ("qrnn-stable", 0.75)):  # with what keeps them stable
        name = f"{row}: tokens a second, times lstm-unstable's"
        found.append(Gate(name, study_speed(row), limit, at_least=True))
    return found
