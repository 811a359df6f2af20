"""Feed-forward cores: what an output may depend on, and that the cached window stands for it."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lessons_lib.corpora import ProductOfLags, Stream
from lessons_lib.models import (
    LSTM,
    TCN,
    CausalConvolution,
    GatedConvolution,
    LanguageModel,
    TanhRNN,
    Transformer,
    WaveNet,
    Windowed,
    detach_state,
)
from lessons_lib.models.convolution import Stack
from lessons_lib.training import Settings, TrainingState, load_checkpoint, save_checkpoint, train

WIDTH = 3
ROWS = 24
layers, kernels, hidden = st.integers(1, 3), st.integers(1, 3), st.integers(4, 8)
finite_cores = st.one_of(
    st.builds(
        CausalConvolution,
        st.just(WIDTH),
        hidden,
        st.integers(1, 5),
        dilation=st.integers(1, 4),
        normalised=st.booleans(),
    ),
    st.builds(TCN, st.just(WIDTH), hidden, layers, kernels),
    st.builds(GatedConvolution, st.just(WIDTH), hidden, layers, kernels, bottleneck=st.sampled_from([None, 2, 5])),
    st.builds(
        WaveNet, st.just(WIDTH), hidden, layers, st.integers(1, 2), kernels, skip_size=st.sampled_from([None, 4])
    ),
    st.builds(
        Transformer, st.just(WIDTH), st.sampled_from([4, 8]), layers, st.integers(1, 2), window=st.integers(1, 5)
    ),
    st.builds(
        lambda kind, depth, context: Windowed(kind(WIDTH, 4, depth), context),
        st.sampled_from([TanhRNN, LSTM]),
        st.integers(1, 2),
        st.integers(1, 9),
    ),
)
full_transformers = st.builds(Transformer, st.just(WIDTH), st.sampled_from([4, 8]), layers, st.integers(1, 2))
seeds = st.integers(0, 2**16)


def inputs_for(core, seed, time):
    """Random float64 inputs, and the core with random parameters to go with them.

    The far edge is reached along one path only, and dead ReLUs would hide it: hence many rows, and biases above 0.
    """
    torch.manual_seed(seed)
    core.double().eval()
    for parameter in core.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
        if parameter.ndim == 1:
            parameter.data.abs_()
    return torch.randn(ROWS, time, WIDTH, dtype=torch.float64)


def assert_close(ours, theirs):
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


@settings(deadline=None, max_examples=60)
@given(core=finite_cores, seed=seeds)
def test_gradients_reach_exactly_context_length_inputs_back_and_never_the_future(core, seed):
    context = core.context_length
    inputs = inputs_for(core, seed, context + 6).requires_grad_()
    outputs, _ = core(inputs)
    t = context + 2
    (gradient,) = torch.autograd.grad(outputs[:, t].square().sum(), inputs)
    reached = gradient.abs().sum((0, 2)) > 0
    assert not reached[t + 1 :].any()
    assert not reached[: t - context + 1].any()
    assert reached[t]
    assert reached[t - context + 1]


@settings(deadline=None, max_examples=60)
@given(core=finite_cores, seed=seeds)
def test_a_changed_input_moves_nothing_before_it_and_nothing_after_the_context(core, seed):
    context = core.context_length
    inputs = inputs_for(core, seed, 2 * context + 5)
    changed, s = inputs.clone(), 3
    changed[:, s] += 3 * torch.randn(ROWS, WIDTH, dtype=torch.float64)
    with torch.no_grad():
        difference = (core(inputs)[0] - core(changed)[0]).abs().sum((0, 2))
    assert not difference[:s].any()
    assert not difference[s + context :].any()
    assert difference[s] > 0
    assert difference[s + context - 1] > 0


@settings(deadline=None, max_examples=40)
@given(core=finite_cores, seed=seeds)
def test_an_output_is_the_model_on_its_last_context_length_inputs(core, seed):
    context = core.context_length
    inputs = inputs_for(core, seed, context + 4)
    with torch.no_grad():
        outputs, _ = core(inputs)
        for t in (context - 1, context, context + 3):
            window, _ = core(inputs[:, t + 1 - context : t + 1])
            assert_close(outputs[:, t], window[:, -1])


@settings(deadline=None, max_examples=60)
@given(
    core=st.one_of(finite_cores, full_transformers),
    seed=seeds,
    pieces=st.lists(st.integers(1, 9), min_size=2, max_size=6),
)
def test_reading_in_pieces_equals_reading_at_once(core, seed, pieces):
    inputs = inputs_for(core, seed, sum(pieces))
    with torch.no_grad():
        whole, last = core(inputs)
        state, parts = None, []
        for piece in inputs.split(pieces, dim=1):
            outputs, state = core(piece, state)
            parts.append(outputs)
    assert_close(torch.cat(parts, 1), whole)
    assert_close(state, last)


@settings(deadline=None, max_examples=20)
@given(core=full_transformers, seed=seeds)
def test_a_full_transformer_uses_the_whole_past_and_no_future(core, seed):
    assert core.context_length is None
    inputs = inputs_for(core, seed, 20).requires_grad_()
    (gradient,) = torch.autograd.grad(core(inputs)[0][:, 12].square().sum(), inputs)
    reached = gradient.abs().sum((0, 2)) > 0
    assert reached[:13].all()
    assert not reached[13:].any()


@settings(deadline=None, max_examples=40)
@given(kernel=st.integers(1, 4), dilation=st.integers(1, 5), seed=seeds, normalised=st.booleans())
def test_a_convolution_equals_its_loop(kernel, dilation, seed, normalised):
    core = CausalConvolution(WIDTH, 5, kernel, dilation=dilation, normalised=normalised)
    inputs = inputs_for(core, seed, 11)
    weight, bias = core.convolution.weight, core.convolution.bias
    outputs, _ = core(inputs)
    for t in range(inputs.shape[1]):
        expected = bias.expand(len(inputs), -1)
        for j in range(kernel):
            if t - j * dilation >= 0:  # the last tap of the weight meets the newest input
                expected = expected + inputs[:, t - j * dilation] @ weight[:, :, kernel - 1 - j].T
        assert_close(outputs[:, t], expected)


@pytest.mark.parametrize(
    ("make", "context_length"),
    [
        (lambda: TCN(3, 4, layers=5, kernel_size=2), 63),
        (lambda: TCN(3, 4, layers=4, kernel_size=3), 1 + 2 * 2 * 15),
        (lambda: GatedConvolution(3, 4, layers=6, kernel_size=5), 25),
        (lambda: GatedConvolution(3, 4, layers=6, kernel_size=5, bottleneck=2), 25),
        (lambda: WaveNet(3, 4, layers=10, stacks=3), 2 + 3 * 1023),
        (lambda: Transformer(3, 8, layers=4, window=9), 33),
        (lambda: Transformer(3, 8, layers=4), None),
    ],
)
def test_context_length_is_the_papers_formula(make, context_length):
    core = make()
    assert core.context_length == context_length
    assert LanguageModel(core, 11, 3).context_length == context_length


@settings(deadline=None, max_examples=20)
@given(window=st.integers(1, 12), seed=seeds)
def test_a_window_that_covers_the_sequence_changes_nothing(window, seed):
    full = Transformer(WIDTH, 8, 2, 2)
    windowed = Transformer(WIDTH, 8, 2, 2, window=window)
    inputs = inputs_for(full, seed, 12)
    windowed.double().load_state_dict(full.state_dict())
    assert_close(windowed(inputs)[0][:, :window], full(inputs)[0][:, :window])


def test_attention_scores_depend_on_distance_even_far_into_a_float32_sequence():
    torch.manual_seed(0)
    core = Transformer(WIDTH, 8, 2, 2, window=6)
    inputs = torch.randn(1, 3000, WIDTH)
    with torch.no_grad():
        late, _ = core(inputs)
        alone, _ = core(inputs[:, -core.context_length :])
    torch.testing.assert_close(late[:, -1], alone[:, -1], rtol=1e-5, atol=1e-5)


def test_a_bottleneck_makes_a_long_kernel_cheap():
    def parameters(core):
        return sum(p.numel() for p in core.parameters())

    wide = GatedConvolution(64, 64, 2, kernel_size=9)
    narrow = GatedConvolution(64, 64, 2, kernel_size=9, bottleneck=16)
    assert narrow.context_length == wide.context_length
    assert parameters(narrow) < parameters(wide) / 5


@pytest.mark.parametrize(
    "make",
    [
        lambda: TCN(3, 4, 2, dropout=0.5),
        lambda: GatedConvolution(3, 4, 2, dropout=0.5),
        lambda: Transformer(3, 8, dropout=0.5),
    ],
)
def test_dropout_acts_while_training_only(make):
    core = make()
    inputs = torch.randn(2, 9, 3)
    assert not torch.equal(core(inputs)[0], core(inputs)[0])
    core.eval()
    assert torch.equal(core(inputs)[0], core(inputs)[0])


@pytest.mark.parametrize(
    "make",
    [
        lambda: TCN(3, 8, 2),
        lambda: GatedConvolution(3, 8, 2),
        lambda: WaveNet(3, 8, 2),
        lambda: Transformer(3, 8),
    ],
)
def test_every_parameter_learns_and_a_carried_window_stops_the_gradient(make):
    torch.manual_seed(0)
    core = make().double()
    first, second = torch.randn(2, 2, 9, 3, dtype=torch.float64).requires_grad_().unbind()
    _, state = core(first)
    outputs, _ = core(second, detach_state(state))
    # Not the sum of squares: behind a layer norm it is the same whatever the parameters are.
    loss = (outputs * torch.randn_like(outputs)).sum()
    (gradient,) = torch.autograd.grad(loss, first, retain_graph=True, allow_unused=True)
    assert gradient is None
    loss.backward()
    for name, parameter in core.named_parameters():
        assert parameter.grad.abs().max() > 1e-6, name


@pytest.mark.parametrize("build", [lambda: TCN(4, 8, 2), lambda: WaveNet(4, 8, 2), lambda: Transformer(4, 8, window=4)])
def test_training_goes_on_from_a_checkpoint_with_its_windows(build, tmp_path):
    def begin():
        torch.manual_seed(0)
        tokens = ProductOfLags((1, 3), (0.05, 0.05)).sample(2000, seed=0)
        return TrainingState.begin(LanguageModel(build(), 4, 4), Stream(tokens, 8, 20), optimizer="adam")

    def losses(state, steps):
        return [record.loss.item() for record in train(state.model, state.stream, plan, steps=steps, state=state)]

    plan, first, second = Settings(10, learning_rate=1e-2), begin(), begin()
    losses(first, 4)
    save_checkpoint(tmp_path / "checkpoint", first, plan)
    load_checkpoint(tmp_path / "checkpoint", second)
    after = losses(first, 8)
    assert losses(second, 8) == after


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: CausalConvolution(3, 4, 0), "must both be at least 1"),
        (lambda: TCN(3, 4, 0), "at least one layer"),
        (lambda: WaveNet(3, 4, 2, stacks=0), "must both be at least 1"),
        (lambda: Transformer(3, 6, heads=2), "multiple of twice the number of heads"),
        (lambda: Transformer(3, 8, window=0), "attends at least to itself"),
        (lambda: Stack([]), "at least one layer"),
    ],
)
def test_nonsense_is_refused_in_one_line(build, says):
    with pytest.raises(ValueError, match=says):
        build()
