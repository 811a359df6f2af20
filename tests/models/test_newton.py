"""Newton's method on a trajectory ends on the loop's states, and how soon is decided by stability."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lessons_lib.models import affine_scan, looped_states, newton_guesses
from lessons_lib.models.newton import join


def affine(length, seed, diagonal=False, size=3):
    generator = torch.Generator().manual_seed(seed)
    shape = (length, size) if diagonal else (length, size, size)
    matrices = torch.randn(shape, generator=generator, dtype=torch.float64) / (1 if diagonal else size**0.5)
    offsets, start = torch.randn(length + 1, size, generator=generator, dtype=torch.float64).split([length, 1])
    return matrices, offsets, start[0]


def looped(matrices, offsets, state):
    full = torch.diag_embed(matrices) if matrices.dim() == 2 else matrices
    states = []
    for a, b in zip(full, offsets, strict=True):
        state = a @ state + b
        states.append(state)
    return torch.stack(states)


@settings(deadline=None, max_examples=40)
@given(length=st.integers(1, 130), seed=st.integers(0, 1000), diagonal=st.booleans())
def test_the_scan_of_affine_maps_is_their_loop(length, seed, diagonal):
    matrices, offsets, start = affine(length, seed, diagonal)
    expected = looped(matrices, offsets, start)
    largest = expected.abs().max()
    torch.testing.assert_close(affine_scan(matrices, offsets, start), expected, rtol=1e-9, atol=1e-12 * float(largest))
    rest = looped(matrices, offsets, torch.zeros_like(start))
    torch.testing.assert_close(affine_scan(matrices, offsets), rest, rtol=1e-9, atol=1e-12 * float(rest.abs().max()))


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 1000), diagonal=st.booleans())
def test_joining_steps_is_associative_and_their_order_matters(seed, diagonal):
    (a, b, c), (u, v, w), _ = affine(3, seed, diagonal)
    left, right = join(*join(a, u, b, v), c, w), join(a, u, *join(b, v, c, w))
    for found, expected in zip(left, right, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    assert not torch.allclose(join(a, u, b, v)[1], join(b, v, a, u)[1])


def recurrence(gain, length=128, seed=0, size=8):
    """W = gain x orthogonal, normal inputs of standard deviation .3, a start that is not zero."""
    generator = torch.Generator().manual_seed(seed)
    weight = torch.nn.init.orthogonal_(torch.empty(size, size, dtype=torch.float64), gain, generator=generator)
    drive = 0.3 * torch.randn(length, size, dtype=torch.float64, generator=generator)
    return weight, drive, torch.rand(size, dtype=torch.float64, generator=generator) - 0.5


@settings(deadline=None, max_examples=30)
@given(gain=st.floats(0, 0.99), length=st.integers(1, 200), seed=st.integers(0, 100), diagonal=st.booleans())
def test_where_w_is_stable_newton_ends_on_the_loop_s_states(gain, length, seed, diagonal):
    problem = recurrence(gain, length, seed)
    *_, last = newton_guesses(*problem, diagonal=diagonal)
    expected = looped_states(*problem)
    assert (last.states - expected).norm() <= 1e-10 * expected.norm()


@pytest.mark.parametrize("gain", [0.5, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("diagonal", [False, True])
def test_each_iteration_makes_at_least_one_more_state_right_at_any_gain(gain, diagonal):
    problem = recurrence(gain, 40)
    expected = looped_states(*problem)
    for iteration, guess in enumerate(newton_guesses(*problem, tolerance=0.0, diagonal=diagonal)):
        torch.testing.assert_close(guess.states[:iteration], expected[:iteration], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("gain", [1.5, 3.0, 30.0, 1e4])
@pytest.mark.parametrize("diagonal", [False, True])
def test_t_iterations_are_enough_even_where_the_linearised_numbers_explode(gain, diagonal):
    guesses = list(newton_guesses(*recurrence(gain, 100), tolerance=0.0, diagonal=diagonal))
    assert len(guesses) - 1 <= 100
    assert guesses[-1].residual == 0.0
    assert all(guess.states.abs().max() <= 1 for guess in guesses)


def test_stable_trajectories_take_few_iterations_whatever_their_length_and_chaotic_ones_take_more_the_longer():
    def count(gain, length):
        return len(list(newton_guesses(*recurrence(gain, length, size=16), tolerance=1e-10))) - 1

    stable, chaotic = ([count(gain, length) for length in (64, 256)] for gain in (0.8, 2.5))
    print(f"iterations at T = 64, 256: gain .8 {stable}, gain 2.5 {chaotic}")
    assert max(stable) <= 7
    assert chaotic[0] > 4 * stable[0]
    assert chaotic[1] > 2 * chaotic[0]


def test_convergence_is_quadratic_in_the_end():
    *_, before, last = [g.residual for g in newton_guesses(*recurrence(0.9), tolerance=1e-9)]
    assert last <= 10 * before**2


def test_the_residual_bounds_the_error_where_w_contracts_in_the_max_norm():
    weight, drive, start = recurrence(1.0)
    weight = 0.8 * weight / weight.abs().sum(1, keepdim=True)
    expected = looped_states(weight, drive, start)
    guesses = list(newton_guesses(weight, drive, start, diagonal=True))
    for guess in guesses:
        assert (guess.states - expected).abs().max() <= guess.residual / (1 - 0.8) + 1e-15
    assert all(later.residual < earlier.residual for earlier, later in pairwise(guesses[1:]))


def test_a_diagonal_approximation_is_exact_where_w_is_diagonal():
    weight, drive, start = recurrence(0.9)
    weight = torch.diag(weight.diagonal())
    full, diagonal = (list(newton_guesses(weight, drive, start, diagonal=d)) for d in (False, True))
    assert len(full) == len(diagonal)
    for one, other in zip(full, diagonal, strict=True):
        torch.testing.assert_close(one.states, other.states, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("matrices", "offsets"), [((4, 3, 2), (4, 3)), ((5, 3), (4, 3)), ((0, 3), (0, 3))])
def test_shapes_that_do_not_fit_are_refused_in_one_line(matrices, offsets):
    with pytest.raises(ValueError, match="at least one step"):
        affine_scan(torch.zeros(matrices), torch.zeros(offsets))
