import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lessons_lib.models import GRU, LSTM, TanhRNN, Windowed, map_state, truncated_outputs

CORES = [TanhRNN, GRU, LSTM]
shapes = st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 4), st.integers(1, 5))


def core_and_inputs(kind, shape, layers=1, clip=None, seed=0):
    batch, time, width, hidden = shape
    torch.manual_seed(seed)
    core = kind(width, hidden, layers, input_clip=clip).double()
    for parameter in core.parameters():
        torch.nn.init.normal_(parameter)
    return core, torch.randn(batch, time, width, dtype=torch.float64)


@pytest.mark.parametrize("kind", CORES)
@settings(deadline=None, max_examples=25)
@given(shape=shapes, layers=st.integers(1, 3), clip=st.sampled_from([None, 0.5]))
def test_steps_written_out_equal_the_fused_layers(kind, shape, layers, clip):
    core, inputs = core_and_inputs(kind, shape, layers, clip)
    outputs, last = core(inputs)
    state, projected = core.zero_state(len(inputs)), core.project(inputs)
    for t in range(inputs.shape[1]):
        output, state = core.step(projected[:, t], state)
        torch.testing.assert_close(output, outputs[:, t], rtol=1e-10, atol=1e-12)
    map_state(lambda a, b: torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12) or a, state, last)


@pytest.mark.parametrize("kind", CORES)
def test_the_state_carries_everything_about_the_past(kind):
    core, inputs = core_and_inputs(kind, (2, 9, 3, 4), layers=2)
    whole, _ = core(inputs)
    first, state = core(inputs[:, :4])
    second, _ = core(inputs[:, 4:], state)
    torch.testing.assert_close(torch.cat([first, second], 1), whole, rtol=1e-10, atol=1e-12)


def test_layers_equal_torchs_stacked_layers():
    core, inputs = core_and_inputs(LSTM, (2, 7, 3, 4), layers=2)
    stacked = torch.nn.LSTM(3, 4, 2, batch_first=True).double()
    with torch.no_grad():
        for layer, cell in enumerate(core.cells):
            for name, value in cell.named_parameters():
                getattr(stacked, name.replace("_l0", f"_l{layer}")).copy_(value)
    torch.testing.assert_close(core(inputs)[0], stacked(inputs)[0], rtol=1e-10, atol=1e-12)


def test_the_clip_acts_after_dropout_on_every_layers_input():
    torch.manual_seed(0)
    core = LSTM(3, 4, layers=2, dropout=0.5, input_clip=0.2)
    seen = []
    for cell in core.cells:
        cell.register_forward_pre_hook(lambda _, args: seen.append(args[0].abs().max().item()))
    core(10 * torch.randn(5, 20, 3))
    assert len(seen) == 2
    assert max(seen) <= 0.2 + 1e-7


@pytest.mark.parametrize("kind", CORES)
@settings(deadline=None, max_examples=25)
@given(shape=shapes, layers=st.integers(1, 2), context=st.integers(1, 11))
def test_truncated_outputs_equal_windowed_for_every_context(kind, shape, layers, context):
    core, inputs = core_and_inputs(kind, shape, layers)
    for k, outputs in enumerate(truncated_outputs(core, inputs, context), start=1):
        torch.testing.assert_close(outputs, Windowed(core, k)(inputs)[0], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kind", CORES)
@settings(deadline=None, max_examples=25)
@given(shape=shapes, context=st.integers(1, 11))
def test_windowed_is_the_recurrent_model_on_the_last_inputs_from_zero(kind, shape, context):
    core, inputs = core_and_inputs(kind, shape)
    outputs, _ = Windowed(core, context)(inputs)
    for t in range(inputs.shape[1]):
        window, _ = core(inputs[:, max(0, t + 1 - context) : t + 1])
        torch.testing.assert_close(outputs[:, t], window[:, -1], rtol=1e-10, atol=1e-12)


@settings(deadline=None, max_examples=25)
@given(context=st.integers(1, 8), cut=st.integers(1, 8))
def test_a_cached_window_continues_where_the_inputs_were_cut(context, cut):
    core, inputs = core_and_inputs(LSTM, (2, 9, 3, 4))
    windowed = Windowed(core, context)
    whole, _ = windowed(inputs)
    first, cache = windowed(inputs[:, :cut])
    second, cache = windowed(inputs[:, cut:], cache)
    torch.testing.assert_close(torch.cat([first, second], 1), whole, rtol=1e-10, atol=1e-12)
    assert cache.shape[1] == min(context - 1, 9)


@pytest.mark.parametrize("context", [1, 3, 6])
def test_nothing_beyond_the_context_reaches_an_output_and_its_far_edge_does(context):
    core, inputs = core_and_inputs(TanhRNN, (1, 9, 3, 4))
    inputs.requires_grad_()
    outputs, _ = Windowed(core, context)(inputs)
    (gradient,) = torch.autograd.grad(outputs[0, 6].sum(), inputs)
    reached = gradient[0].abs().sum(-1) > 0
    assert reached.tolist() == [6 - context < t <= 6 for t in range(9)]


def test_nonsense_is_refused_in_one_line():
    with pytest.raises(ValueError, match="at least one layer"):
        TanhRNN(3, 4, layers=0)
    with pytest.raises(ValueError, match="positive bound"):
        LSTM(3, 4, input_clip=0.0)
    with pytest.raises(ValueError, match="at least its own input"):
        Windowed(TanhRNN(3, 4), 0)
