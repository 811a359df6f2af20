"""Memory of the sweep over context lengths, counted tensor by tensor (its speed is the benchmark's to print)."""

import pytest

from lessons_lib.bench import models as bench_models
from lessons_lib.models import truncated_outputs


def hoarded(core, inputs, context_length):
    return list(truncated_outputs(core, inputs, context_length))


@pytest.mark.parametrize("kind", bench_models.KINDS)
def test_memory_of_the_sweep_does_not_grow_with_the_context(kind):
    def peak(way, context):
        return bench_models.peak_memory(way, kind, context, batch=2, width=16)

    assert peak(bench_models.sweep, 40) == peak(bench_models.sweep, 4)
    assert peak(hoarded, 40) > 2 * peak(hoarded, 4)  # the measure would have seen growth
    assert peak(bench_models.unfolded, 40) > 5 * peak(bench_models.unfolded, 4)
