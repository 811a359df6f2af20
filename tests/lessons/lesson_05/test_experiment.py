"""The three promises: what is counted and what is measured, and what the stored machine says."""

from dataclasses import replace

import pytest
import torch

from lessons_lib.lessons.lesson_05 import experiment as why
from lessons_lib.models import LanguageModel, generate


def test_the_compared_models_are_of_one_size() -> None:
    sizes = {family: sum(p.numel() for p in why.core(family).parameters()) for family in why.FAMILIES}
    assert sizes["lstm"] == sizes["tcn"]
    assert 0.7 < sizes["transformer"] / sizes["lstm"] < 1
    with pytest.raises(ValueError, match="unknown family"):
        why.core("perceptron")


def test_the_tcn_sees_exactly_the_lags_that_are_measured() -> None:
    assert why.core("tcn").context_length == why.LAGS + 1
    assert why.input_gradient_norms("TCN", 0, lags=why.LAGS)[-1] > 0
    assert why.input_gradient_norms("TCN", 0, lags=why.LAGS + 1)[-1] == 0


def test_gradients_of_a_start_are_the_same_each_time_and_differ_by_seed() -> None:
    assert why.input_gradient_norms("LSTM", 3) == why.input_gradient_norms("LSTM", 3)
    assert why.input_gradient_norms("LSTM", 3) != why.input_gradient_norms("LSTM", 4)


@pytest.mark.parametrize(("cached", "read"), [(True, 7 + 3), (False, 7 + 8 + 9 + 10)])
def test_positions_read_are_counted(cached: bool, read: int) -> None:
    counted = why.Counted(why.core("lstm", 16))
    model = LanguageModel(counted, 20, 16)
    generate(model, torch.zeros(1, 7, dtype=torch.long), 4, temperature=0, cached=cached)
    assert counted.read == read


def test_a_recurrent_chain_grows_with_the_text_and_a_feed_forward_one_does_not() -> None:
    def chain(family: str, length: int) -> int:
        inputs, model = torch.randn(1, length, 16), why.core(family, 16)
        output = why.one_after_the_other(model, inputs) if family == "lstm" else model(inputs)[0]
        return why.dependent_operations(output[:, -1])

    for family in ("tcn", "transformer"):
        assert chain(family, 12) == chain(family, 48)
    first, second, third = (chain("lstm", length) for length in (12, 24, 48))
    assert third - second == 2 * (second - first) > 0


def test_operations_are_counted_along_the_longest_way() -> None:
    x = torch.ones(2, requires_grad=True)
    assert why.dependent_operations(x.exp()) == 2  # reading x is one
    assert why.dependent_operations(x.exp().exp() + x) == 4
    with pytest.raises(ValueError, match="no_grad"):
        why.dependent_operations(torch.ones(2))


def test_one_position_at_a_time_gives_what_all_at_once_give() -> None:
    inputs = torch.randn(2, 9, 16)
    for family in why.FAMILIES:
        model = why.core(family, 16).eval()
        assert torch.allclose(why.one_after_the_other(model, inputs), model(inputs)[0], atol=1e-5)


def test_a_measured_machine_is_whole_and_readable_again(tmp_path) -> None:
    small = replace(why.REFERENCE, measure=lambda: why.measure((1, 2), (4,), (0,), repeats=1))
    small.run(folder=tmp_path)
    (measured,) = small.read(tmp_path).points
    assert measured["throughput"].keys() == set(why.FAMILIES)
    assert all(len(speeds) == 2 and min(speeds) > 0 for speeds in measured["throughput"].values())
    assert all(ms[0] > 0 for ms in measured["generation"].values())
    assert measured["gradients"].keys() == why.STARTS.keys()


def test_measuring_throughput_leaves_torch_s_global_generator_alone() -> None:
    before = torch.get_rng_state()
    why.throughput("tcn", 2, 8, 1, repeats=1)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_stored_machine_says_what_it_is_and_was_measured_whole() -> None:
    (stored,) = why.REFERENCE.read().points
    assert "torch" in stored["machine"]
    assert "load" in stored["machine"]
    assert stored["lengths"] == list(why.LENGTHS)
    assert stored["past"] == list(why.PAST)
    assert all(len(runs) == len(why.SEEDS) for runs in stored["gradients"].values())
