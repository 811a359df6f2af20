"""No training step waits for the device, but for the projection onto a spectral ball: proven without a GPU.

Tensors on torch's ``meta`` device have shapes and no numbers.  What asks one for a number (``.item()``, ``.tolist()``,
``nonzero``, an ``if``) fails, and so does a step that would make the host wait on CUDA.  What the host *sends* is a
wait, too, and is counted; so is the eigendecomposition, inside which CUDA's library waits.  Adam is not tried: its
fused form has no meta kernel.
"""

import inspect
from collections import Counter

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from lessons_lib import models
from lessons_lib.lessons.lesson_06 import translation
from lessons_lib.models import (
    GRU,
    LSTM,
    QRNN,
    TCN,
    CausalConvolution,
    GatedConvolution,
    GatedRecurrence,
    LanguageModel,
    LinearRecurrence,
    Recurrent,
    SelectiveRecurrence,
    TanhRNN,
    Transformer,
    WaveNet,
    Windowed,
)
from lessons_lib.models.adaptive import AdaptiveLanguageModel
from lessons_lib.stability import SpectralBall, Unconstrained, sets, stable_sets
from lessons_lib.training import Settings, TrainingState, training_step

WIDTH, WORDS = 8, 9
CORES = {
    TanhRNN: lambda **options: TanhRNN(WIDTH, WIDTH, 2, input_clip=0.75, **options),
    GRU: lambda **options: GRU(WIDTH, WIDTH, 2, **options),
    LSTM: lambda **options: LSTM(WIDTH, WIDTH, 2, input_clip=0.75, **options),
    LinearRecurrence: lambda: LinearRecurrence(WIDTH, WIDTH, 2),
    SelectiveRecurrence: lambda: SelectiveRecurrence(WIDTH, WIDTH),
    GatedRecurrence: lambda: GatedRecurrence(WIDTH, WIDTH, 2),
    QRNN: lambda: QRNN(WIDTH, WIDTH),
    Windowed: lambda: Windowed(LSTM(WIDTH, WIDTH, input_clip=0.75), 3),
    CausalConvolution: lambda: CausalConvolution(WIDTH, WIDTH, 3),
    TCN: lambda: TCN(WIDTH, WIDTH, 2),
    GatedConvolution: lambda: GatedConvolution(WIDTH, WIDTH, 2),
    WaveNet: lambda: WaveNet(WIDTH, WIDTH, 2),
    Transformer: lambda: Transformer(WIDTH, WIDTH, layers=2, heads=2, window=4),
}
PAIRS = [
    (core, kind)
    for core, make in CORES.items()
    for kind in stable_sets()
    if kind is Unconstrained or kind.fits(LanguageModel(make(), WORDS, WIDTH))
]
# What a step's projection costs in waits on CUDA, for two layers, all matrices outside; every other set: nothing.
ASKS = "asks which of the matrices are outside"
EIGEN = "an eigendecomposition of all that are"
WAITS = {SpectralBall: {ASKS: 1, EIGEN: 1}}


class Batches:
    """A stream on the meta device."""

    steps, carries_state = 6, True

    def __len__(self):
        return 100

    def __getitem__(self, index):
        return tuple(torch.zeros(2, self.steps, dtype=torch.int64, device="meta") for _ in range(2))


class Waits(TorchDispatchMode):
    """Counts what makes a host wait on CUDA and does not fail on meta."""

    def __init__(self):
        super().__init__()
        self.count = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        found = func(*args, **kwargs)
        name = func.overloadpacket.__name__
        if name == "_linalg_eigh":
            self.count[EIGEN] += 1
        if name in ("_to_copy", "copy_") and not kwargs.get("non_blocking"):
            source = args[1] if name == "copy_" else args[0]
            if source.is_cpu and found.is_meta:
                self.count["sends"] += 1
        return found


def trained(model, settings, batches=None, steps=4):
    """What makes the host wait, in all steps but the first."""
    state = TrainingState.begin(model.to("meta"), batches or Batches())
    training_step(state, settings)
    with Waits() as waits:
        for _ in range(steps - 1):
            record = training_step(state, settings)
    assert record.loss.is_meta
    assert record.gradient_norm.is_meta
    return waits.count


@pytest.fixture
def questions(monkeypatch):
    """Answers the one question that a projection asks, with the dearest answer, and counts."""
    count = Counter()

    def answer(layers, bound, slack):
        count[ASKS] += 1
        return [False] * len(layers), [True] * len(layers)

    monkeypatch.setattr(sets, "_spectral_flags", answer)
    return count


@pytest.mark.parametrize(("core", "kind"), PAIRS, ids=lambda kind: kind.__name__)
def test_a_step_waits_for_the_device_in_its_projection_or_not_at_all(core, kind, questions):
    options = {"dropout": 0.2} if core in (TanhRNN, GRU, LSTM) else {}
    model = LanguageModel(CORES[core](**options), WORDS, WIDTH, tied=True, dropout=0.1)
    settings = Settings(3, gradient_clip=1.0, stable_set=kind())
    questions.clear()
    waits = trained(model, settings, steps=4)
    # The first step projects twice: every iterate lies in the set, the first one too.
    per_step = {name: count / 3 for name, count in waits.items()}
    if questions:
        per_step[ASKS] = (questions[ASKS] - 2) / 3
    told = ", ".join(f"{count:g} x {name}" for name, count in sorted(per_step.items())) or "none"
    print(f"\nwaits per step, {core.__name__}, {kind.__name__}: {told}")
    assert per_step == WAITS.get(kind, {})


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.parametrize(
    ("core", "kind"), [(core, kind) for core, kind in PAIRS if kind not in WAITS], ids=lambda kind: kind.__name__
)
def test_nor_does_it_on_cuda_where_torch_would_say_so(core, kind):
    class OnCuda(Batches):
        def __getitem__(self, index):
            return batch

    batch = torch.randint(WORDS, (2, 2, Batches.steps), device="cuda").unbind()
    state = TrainingState.begin(LanguageModel(CORES[core](), WORDS, WIDTH, dropout=0.1).cuda(), OnCuda())
    settings = Settings(3, gradient_clip=1.0, stable_set=kind())
    training_step(state, settings)  # the first one allocates
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(3):
            training_step(state, settings)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("core", [core for core in CORES if isinstance(CORES[core](), Recurrent)])
def test_nor_does_a_step_with_exact_truncation(core):
    model = LanguageModel(CORES[core](), WORDS, WIDTH)
    assert not trained(model, Settings(3, "exact", gradient_clip=1.0))


@pytest.mark.parametrize("family", ["convolutional", "Transformer"])
def test_nor_does_a_feed_forward_translators(family):
    assert not trained(*on_meta(family))


def on_meta(family):
    """A translator of lesson 06, its settings and its batches."""
    model, pairs = translation.factory(family, "dates")()
    batch = tuple(part.to("meta") for part in pairs[0])

    class OnMeta(Batches):
        steps, carries_state = pairs.steps, False

        def __getitem__(self, index):
            return batch

    return model, Settings(pairs.steps, gradient_clip=1.0), OnMeta()


def test_every_core_is_here():
    """A new one joins: what the library exports and reads vectors is in the table, or says here why not."""
    blocks = {"RecurrentCore", "DiagonalRecurrence", "GatedLinearUnit", "LanguageModel"}
    kinds = {name for name in models.__all__ if inspect.isclass(getattr(models, name))}
    modules = {name for name in kinds if issubclass(getattr(models, name), nn.Module)}
    translators = {name for name in modules if name.endswith("Translator")}
    assert {core.__name__ for core in CORES} == modules - blocks - translators


class Nosy(nn.Module):
    """A core that makes the host wait, in one way or another."""

    input_size = hidden_size = WIDTH
    context_length = 1

    def __init__(self, look):
        super().__init__()
        self.look = look

    def forward(self, inputs, state=None):
        return inputs + self.look(inputs), inputs.new_zeros(1, len(inputs))


@pytest.mark.parametrize(
    "look",
    [
        lambda inputs: inputs.sum().item(),
        lambda inputs: len(inputs.flatten().tolist()),
        lambda inputs: len(inputs.nonzero()),
        lambda inputs: 1 if inputs.sum() > 0 else 0,
        lambda inputs: inputs.cpu().sum().to(inputs.device),
    ],
    ids=["item", "tolist", "nonzero", "if", "cpu"],
)
def test_a_core_that_asks_fails_here(look):
    with pytest.raises((RuntimeError, NotImplementedError)):
        trained(LanguageModel(Nosy(look), WORDS, WIDTH), Settings(3))


def test_a_core_that_sends_is_counted():
    model = LanguageModel(Nosy(lambda inputs: torch.ones(WIDTH).to(inputs.device)), WORDS, WIDTH)
    assert trained(model, Settings(6), steps=4) == {"sends": 3}


def test_two_models_wait_in_their_forward_pass_and_are_trained_on_cpus_here():
    """The adaptive softmax asks which words are rare, the recurrent translator how long its sentences are."""
    adaptive = AdaptiveLanguageModel(TanhRNN(WIDTH, WIDTH), torch.arange(WORDS), WIDTH, (3,))
    for case in ((adaptive, Settings(3)), on_meta("attention")):
        with pytest.raises((RuntimeError, NotImplementedError), match="meta"):
            trained(*case)
