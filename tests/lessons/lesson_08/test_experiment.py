"""Each system shows what it is there for."""

import math

import pytest
import torch

from lessons_lib.lessons.lesson_08 import experiment as forgetting
from lessons_lib.stability import contraction, spectral_norm, spectral_radius, transient_growth


@pytest.mark.parametrize("rate", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("make", [forgetting.rotation, forgetting.orthogonal])
def test_norm_and_radius_are_the_rate_and_starts_meet_at_least_that_fast(make, rate):
    system = make(rate)
    assert math.isclose(spectral_norm(system.weight), rate, rel_tol=1e-9)
    assert math.isclose(float(spectral_radius(system.weight)), rate, rel_tol=1e-9)
    apart = forgetting.spread(system.follow(forgetting.starts(20, len(system.bias)), 30))
    assert (apart[1:] <= rate * apart[:-1] * (1 + 1e-9)).all()


def test_a_norm_above_one_may_contract():
    system = forgetting.gaussian(1.5)
    assert math.isclose(spectral_norm(system.weight), 1.5, rel_tol=1e-9)
    assert float(spectral_radius(system.weight)) < 1
    apart = forgetting.spread(system.follow(forgetting.starts(20, 64), 60))
    assert apart[-1] < 1e-4 * apart[0]


def test_a_radius_below_one_may_keep_two_states():
    system = forgetting.two_states()
    assert math.isclose(float(spectral_radius(system.weight)), math.sqrt(0.75), rel_tol=1e-6)
    states = system.follow(forgetting.starts(400), 300)
    places = forgetting.destinations(states)
    assert len(places) == 2
    assert (places[0] - places[1]).norm() > 0.5
    still = system.follow(places, 1)[1]
    torch.testing.assert_close(still, places, atol=1e-3, rtol=0)


def test_a_shear_grows_before_it_shrinks():
    system = forgetting.shear(0.7, 2.0)
    growth = transient_growth(system.weight, 60)
    assert float(growth.max()) > 2
    assert float(growth[-1]) < 1e-5
    near = torch.tensor([[0.0, 0.0], [0.0, 1e-3]], dtype=torch.float64)
    apart = forgetting.spread(system.follow(near, 60))
    assert float(apart.max() / apart[0]) > 2
    assert float(apart[-1] / apart[0]) < 1e-4


def test_the_core_is_the_same_system():
    system = forgetting.two_states()
    inputs = 0.1 * torch.randn(6, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    pair = forgetting.starts(2)
    states = system.follow(pair, 6, inputs)
    expected = (states[:, 0] - states[:, 1]).norm(dim=1)
    found = contraction(system.core(), inputs[None], pair[:1, None], pair[1:, None])[0]
    torch.testing.assert_close(found, expected[1:] / expected[0])


@pytest.mark.parametrize("kind", forgetting.PLANE)
def test_plane_systems_share_their_norm_and_meet_below_one(kind):
    system = forgetting.plane_system(kind, 0.9)
    assert math.isclose(spectral_norm(system.weight), 0.9, rel_tol=1e-9)
    apart = forgetting.spread(system.follow(forgetting.ring(), 20))
    assert (apart[1:] <= 0.9 * apart[:-1] * (1 + 1e-9)).all()


def test_large_inputs_bring_together_what_small_ones_leave_apart():
    system = forgetting.plane_system("rotation", 1.5)
    inputs = torch.randn(40, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    alone, driven = (forgetting.spread(system.follow(forgetting.ring(), 40, size * inputs))[-1] for size in (0, 3))
    assert alone > 1
    assert driven < 1e-9


def test_an_unknown_plane_system_is_refused():
    with pytest.raises(ValueError, match="rotation"):
        forgetting.plane_system("shear", 1.0)


def test_two_places_keep_the_outer_starts_apart_at_their_own_norm():
    outer = forgetting.plane_system("two places", 2.75).follow(forgetting.ring(radius=0.95), 300)
    assert len(forgetting.destinations(outer)) == 2
