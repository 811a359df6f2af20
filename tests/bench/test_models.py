"""Memory of the sweep over context lengths, counted tensor by tensor (its speed is the benchmark's to print)."""

import pytest

from lessons_lib.bench import models as bench_models
from lessons_lib.models import truncated_outputs


def hoarded(core, inputs, context_length):
    return list(truncated_outputs(core, inputs, context_length))


def test_weights_and_inputs_are_not_counted_though_a_way_looks_at_parts_of_them():
    def looked(core, inputs, context_length):
        return [inputs[:, :1], *(weights.t() for weights in core.parameters() if weights.dim() == 2)]

    assert bench_models.peak_memory(looked, "LSTM", 4, batch=2, width=16) == 0
    copied = bench_models.peak_memory(lambda core, inputs, k: inputs.clone(), "LSTM", 4, batch=2, width=16)
    assert copied == 4 * 2 * bench_models.TIME * 16


@pytest.mark.parametrize("kind", bench_models.KINDS)
def test_memory_of_the_sweep_does_not_grow_with_the_context(kind):
    def peak(way, context):
        return bench_models.peak_memory(way, kind, context, batch=2, width=16)

    assert peak(bench_models.sweep, 40) == peak(bench_models.sweep, 4)
    assert peak(hoarded, 40) > 2 * peak(hoarded, 4)  # the measure would have seen growth
    assert peak(bench_models.unfolded, 40) > 5 * peak(bench_models.unfolded, 4)
