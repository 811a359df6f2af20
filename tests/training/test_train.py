import dataclasses

import pytest
import torch

from lessons_lib.corpora import Stream
from lessons_lib.models import LSTM, LanguageModel, TanhRNN
from lessons_lib.stability import SpectralBall
from lessons_lib.training import Mailbox, Settings, TrainingState, mean_loss, perplexity, train
from tests.stability.test_projections import OnMPS


def model_and_stream(kind=TanhRNN, dropout=0.0, seed=0):
    torch.manual_seed(seed)
    model = LanguageModel(kind(5, 6), 9, 5, dropout=dropout)
    return model, Stream(torch.randint(9, (301,)), 3, 10)


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_training_is_a_generator_of_records_and_lowers_the_loss():
    model, _ = model_and_stream()
    stream = Stream(torch.arange(9).repeat(40), 3, 10)
    records = list(train(model, stream, Settings(10, learning_rate=1.0, gradient_clip=1.0), steps=60))
    assert [r.step for r in records] == list(range(60))
    assert records[-1].tokens == 60 * 30
    assert records[-1].loss < 0.5 * records[0].loss


def test_settings_changed_between_steps_are_used_by_the_next_step():
    model, stream = model_and_stream()
    mailbox = Mailbox(Settings(10, learning_rate=0.1))
    records = train(model, stream, mailbox, steps=3)
    assert next(records).settings.truncation_length == 10
    mailbox.update(truncation_length=2, stable_set=SpectralBall(0.5))
    assert next(records).settings.truncation_length == 2
    assert SpectralBall(0.5).contains(model)


def test_every_iterate_lies_in_the_stable_set_even_the_first():
    model, stream = model_and_stream()
    torch.nn.init.orthogonal_(model.core.cells[0].weight_hh_l0, gain=3.0)
    seen = []
    model.register_forward_pre_hook(lambda m, _: seen.append(SpectralBall(0.9).contains(m)))
    records = list(train(model, stream, Settings(10, stable_set=SpectralBall(0.9)), steps=5))
    assert seen == [True] * 5
    assert records[0].moved > 1


def test_the_gradient_is_clipped_before_the_step():
    model, stream = model_and_stream()
    before = weights(model)
    record = next(train(model, stream, Settings(10, learning_rate=1.0, gradient_clip=1e-3)))
    assert record.gradient_norm > 1e-2
    assert (weights(model) - before).norm().item() == pytest.approx(1e-3, rel=1e-2)


class Steep(torch.nn.Module):
    """Each of its four weights has the same gradient, whose square no float32 can hold."""

    context_length = None

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(4))

    def forward(self, inputs, state=None):
        return self.weight, state

    def loss(self, features, targets):
        return 1e30 * features.sum()


def test_without_a_clip_gradients_are_used_as_they_are_even_where_their_norm_overflows():
    model, (_, stream) = Steep(), model_and_stream()
    record = next(train(model, stream, Settings(10, learning_rate=1e-30)))
    assert record.gradient_norm == float("inf")
    assert weights(model).tolist() == pytest.approx([-1.0] * 4)


def test_a_state_goes_on_with_its_own_model_and_stream_only():
    (model, stream), (other, elsewhere) = model_and_stream(), model_and_stream()
    state = TrainingState.begin(model, stream)
    for pair in ((other, stream), (model, elsewhere)):
        with pytest.raises(ValueError, match="another model or stream"):
            train(*pair, Settings(10), state=state)


def test_the_state_starts_anew_where_the_stream_begins_again():
    model, stream = model_and_stream()
    state = TrainingState.begin(model, stream)
    starts = []
    model.register_forward_pre_hook(lambda _, args: starts.append(args[1] is None))
    list(train(model, stream, Settings(10, learning_rate=0.1), steps=2 * len(stream), state=state))
    assert [i for i, fresh in enumerate(starts) if fresh] == [0, len(stream)]


def test_dropout_is_a_function_of_seed_and_step_and_leaves_the_global_stream_alone():
    results = []
    for noise in (0, 5):
        model, stream = model_and_stream(dropout=0.5)
        torch.manual_seed(noise)
        before = torch.get_rng_state()
        results.append([r.loss.item() for r in train(model, stream, Settings(10), steps=3, seed=4)])
        assert torch.equal(torch.get_rng_state(), before)
    assert results[0] == results[1]


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"truncation_length": 0}, "whole number"),
        ({"truncation": "soft"}, "chunked, exact"),
        ({"learning_rate": float("nan")}, "positive number"),
        ({"gradient_clip": -1.0}, "no clipping"),
    ],
)
def test_invalid_settings_are_refused_in_one_line_and_change_nothing(bad, words):
    mailbox = Mailbox(Settings(5))
    with pytest.raises(ValueError, match=words):
        mailbox.update(**bad)
    assert mailbox.settings == Settings(5)


def test_settings_are_immutable():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings(5).truncation_length = 6


def test_an_unknown_optimizer_is_refused():
    with pytest.raises(ValueError, match="sgd, adam"):
        train(*model_and_stream(), Settings(5), optimizer="lion")


def test_perplexity_of_a_uniform_model_is_the_vocabulary():
    model, _ = model_and_stream()
    torch.nn.init.zeros_(model.decoder.weight)
    assert perplexity(model, torch.randint(9, (100,))) == pytest.approx(9, rel=1e-6)


def test_the_mean_loss_needs_no_float64_of_the_device(monkeypatch):
    model, tokens = model_and_stream()[0], torch.randint(9, (50,))
    expected, loss = mean_loss(model, tokens, segment=7), model.loss
    monkeypatch.setattr(model, "loss", lambda *parts: loss(*parts).as_subclass(OnMPS))
    assert mean_loss(model, tokens, segment=7) == expected


def test_perplexity_reads_one_stream_whatever_the_segment():
    torch.manual_seed(0)
    model = LanguageModel(LSTM(5, 6), 9, 5).double()
    tokens = torch.randint(9, (101,))
    features, _ = model(tokens[None, :-1])
    whole = torch.nn.functional.cross_entropy(model.logits(features)[0], tokens[1:]).item()
    for segment in (1, 7, 100, 1000):
        assert mean_loss(model, tokens, segment=segment) == pytest.approx(whole, rel=1e-12)


def test_perplexity_needs_one_stream():
    model, _ = model_and_stream()
    with pytest.raises(ValueError, match="at least two tokens"):
        perplexity(model, torch.zeros(1, dtype=torch.long))
