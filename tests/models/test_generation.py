"""One loop generates from every language model; the cache changes the cost, not the tokens."""

from itertools import islice

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from lessons_lib.models import (
    GRU,
    LSTM,
    TCN,
    GatedConvolution,
    LanguageModel,
    TanhRNN,
    Transformer,
    WaveNet,
    Windowed,
    generate,
    generate_tokens,
    map_state,
)

TOKENS = 13
FINITE = {
    "tcn": lambda: TCN(4, 6, 3),
    "gated convolution": lambda: GatedConvolution(4, 6, 3, bottleneck=3),
    "wavenet": lambda: WaveNet(4, 6, 3),
    "windowed transformer": lambda: Transformer(4, 8, 2, 2, window=5),
    "windowed lstm": lambda: Windowed(LSTM(4, 6), 7),
}
ENDLESS = {
    "tanh-rnn": lambda: TanhRNN(4, 6),
    "gru": lambda: GRU(4, 6, layers=2),
    "lstm": lambda: LSTM(4, 6),
    "transformer": lambda: Transformer(4, 8, 2, 2),
}


def model_of(build, dtype=torch.float64, seed=0):
    torch.manual_seed(seed)
    model = LanguageModel(build(), TOKENS, 4, dropout=0.3)
    torch.nn.init.normal_(model.embedding.weight)
    torch.nn.init.normal_(model.decoder.weight)
    return model.to(dtype)


@pytest.mark.parametrize("name", [*FINITE, *ENDLESS])
@pytest.mark.parametrize(("dtype", "accuracy"), [(torch.float32, 1e-5), (torch.float64, 1e-10)])
def test_cached_predictions_equal_uncached_ones(name, dtype, accuracy):
    model = model_of((FINITE | ENDLESS)[name], dtype).eval()
    tokens = torch.randint(TOKENS, (3, 60))
    cached, state = model.log_probabilities(tokens[:, :5])
    for t in range(5, 60):
        step, state = model.log_probabilities(tokens[:, t : t + 1], state)
        cached = torch.cat([cached, step], 1)
    context = model.context_length or 60
    for t in (0, 4, 5, 6, 20, 59):
        uncached, _ = model.log_probabilities(tokens[:, max(0, t + 1 - context) : t + 1])
        assert (cached[:, t] - uncached[:, -1]).norm() <= accuracy * uncached[:, -1].norm()


@pytest.mark.parametrize("name", [*FINITE, *ENDLESS])
@settings(deadline=None, max_examples=5)
@given(seed=st.integers(0, 999), start=st.integers(1, 30), temperature=st.sampled_from([0.0, 0.7, 1.0]))
def test_the_cache_changes_no_token(name, seed, start, temperature):
    model = model_of((FINITE | ENDLESS)[name], seed=seed)
    prompt = torch.randint(TOKENS, (2, start))
    ways = [
        generate(model, prompt, 20, temperature, torch.Generator().manual_seed(seed), cached=cached)
        for cached in (True, False)
    ]
    assert ways[0].shape == (2, 20)
    assert torch.equal(*ways)


def numbers_in(state):
    sizes = []
    map_state(lambda s: sizes.append(s.numel()) or s, state)
    return sum(sizes)


def cost_of_next_token(model, past, cached=True):
    """(floating point operations, numbers in the state) of predicting after ``past`` tokens and one more."""
    tokens, state = torch.randint(TOKENS, (1, past + 1)), None
    if cached:
        _, state = model(tokens[:, :-1])
        tokens = tokens[:, -1:]
    # The fused attention kernels are not counted, the products that they fuse are.
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        _, state = model(tokens, state)
    return counter.get_total_flops(), numbers_in(state)


@pytest.mark.parametrize("name", FINITE)
def test_finite_context_means_constant_work_and_a_state_that_stops_growing(name):
    model = model_of(FINITE[name]).eval()
    context = model.context_length
    costs = [cost_of_next_token(model, past) for past in (context, context + 1, 3 * context, 200)]
    assert len(set(costs)) == 1
    operations, _ = cost_of_next_token(model, context - 1, cached=False)
    # A truncated recurrence begins anew for every token: its cache saves no step, only the embedding.
    assert operations > context / 2 * costs[0][0] or name == "windowed lstm"


def test_a_full_transformer_costs_more_with_every_token():
    model = model_of(ENDLESS["transformer"]).eval()
    work, size = zip(*(cost_of_next_token(model, past) for past in range(1, 20)), strict=True)
    assert list(work) == sorted(set(work))
    assert list(size) == sorted(set(size))


def test_generation_leaves_the_model_as_it_was_and_draws_without_dropout():
    model = model_of(FINITE["tcn"])
    prompt = torch.randint(TOKENS, (2, 3))
    assert torch.equal(generate(model, prompt, 30, 0), generate(model, prompt, 30, 0))
    assert model.training


def test_frequencies_follow_the_model_at_its_temperature():
    model = model_of(FINITE["gated convolution"], torch.float32)
    prompt = torch.randint(TOKENS, (1, 9)).expand(20_000, -1)
    for temperature in (0.5, 1.0):
        drawn = generate(model, prompt, 1, temperature, torch.Generator().manual_seed(0)).flatten()
        seen = drawn.bincount(minlength=TOKENS) / len(drawn)
        model.eval()
        expected = torch.softmax(model.log_probabilities(prompt[:1])[0][0, -1] / temperature, 0)
        assert (seen - expected).abs().max() < 0.015


def test_tokens_may_be_taken_one_at_a_time():
    model = model_of(ENDLESS["lstm"])
    prompt = torch.randint(TOKENS, (2, 3))
    stream = generate_tokens(model, prompt, 0)
    assert torch.equal(torch.stack(list(islice(stream, 7)), 1), generate(model, prompt, 7, 0))


def test_nonsense_is_refused_in_one_line():
    model = model_of(ENDLESS["lstm"])
    prompt = torch.randint(TOKENS, (2, 3))
    with pytest.raises(ValueError, match="at least one token each"):
        generate(model, prompt[:, :0], 5)
    with pytest.raises(ValueError, match="at least one token"):
        generate(model, prompt, 0)
    with pytest.raises(ValueError, match="most probable token"):
        generate_tokens(model, prompt, -1.0)
