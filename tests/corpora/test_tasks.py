from itertools import permutations
from math import log

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from lessons_lib.corpora import (
    AddingProblem,
    Batches,
    CopyMemory,
    DateFormats,
    LaggedRecall,
    NumberWords,
    RunningProducts,
)

TASKS = [
    CopyMemory(delay=7, symbols=5, length=3, batch_size=4, batches=6, seed=1),
    LaggedRecall(lag=4, symbols=3, batch_size=4, batches=6, seed=1),
    AddingProblem(length=9, batch_size=4, batches=6, seed=1),
    RunningProducts(3, steps=9, batch_size=4, batches=6, seed=1),
    NumberWords(batch_size=4, batches=6, seed=1),
    DateFormats(batch_size=4, batches=6, seed=1),
]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: type(task).__name__)
def test_every_task_is_a_sequence_of_batches_that_can_be_drawn_again(task):
    assert isinstance(task, Batches)
    assert not task.carries_state
    assert len(list(task)) == len(task) == 6
    for index in range(6):
        for first, second in zip(task[index], task[index], strict=True):
            assert torch.equal(first, second)
            assert len(first) == 4
    assert torch.equal(task[-1][0], task[5][0])
    assert not torch.equal(task[0][0], task[1][0])
    with pytest.raises(IndexError, match="6 batches"):
        task[6]


@pytest.mark.parametrize("kind", [lambda **o: CopyMemory(3, **o), lambda **o: AddingProblem(5, **o), NumberWords])
def test_another_seed_is_other_data(kind):
    assert not torch.equal(kind(seed=0)[0][0], kind(seed=1)[0][0])


@settings(deadline=None, max_examples=40)
@given(delay=st.integers(0, 12), symbols=st.integers(2, 9), length=st.integers(1, 6), seed=st.integers(0, 5))
def test_copying_asks_for_the_symbol_of_exactly_lag_steps_ago(delay, symbols, length, seed):
    task = CopyMemory(delay, symbols, length, batch_size=3, seed=seed)
    inputs, targets = task[0]
    assert inputs.shape == targets.shape == (3, task.steps)
    scored = targets != -100
    assert scored.sum(1).tolist() == [length] * 3
    rows, places = scored.nonzero(as_tuple=True)
    assert torch.equal(targets[rows, places], inputs[rows, places - task.lag])
    assert (inputs[scored] == symbols + 1).all()
    assert ((inputs >= 0) & (inputs < task.vocabulary_size)).all()
    assert targets[scored].min() >= 1
    assert (inputs[:, length : length + delay] == 0).all()


@settings(deadline=None, max_examples=40)
@given(lag=st.integers(0, 12), symbols=st.integers(2, 9), extra=st.integers(1, 20))
def test_recall_asks_for_the_symbol_of_exactly_lag_steps_ago(lag, symbols, extra):
    task = LaggedRecall(lag, symbols, steps=lag + extra, batch_size=3)
    inputs, targets = task[0]
    assert inputs.shape == targets.shape == (3, lag + extra)
    assert (targets[:, :lag] == -100).all()
    assert torch.equal(targets[:, lag:], inputs[:, :extra])
    assert ((inputs >= 0) & (inputs < task.vocabulary_size)).all()


@pytest.mark.parametrize("task", [CopyMemory(4, 5, 6, batch_size=500), LaggedRecall(3, 5, batch_size=500)])
def test_chance_is_what_knowing_only_the_symbols_scores(task):
    _, targets = task[0]
    scored = targets[targets != -100]
    uniform = torch.full((len(scored), task.vocabulary_size), -1e9)
    uniform[:, scored.unique()] = 0
    assert F.cross_entropy(uniform, scored).item() == pytest.approx(task.chance_loss, abs=1e-5)
    assert task.chance_loss == pytest.approx(log(5))
    assert (scored == scored.mode().values).double().mean().item() == pytest.approx(task.chance_accuracy, abs=0.03)


@settings(deadline=None, max_examples=30)
@given(length=st.integers(2, 30), seed=st.integers(0, 9))
def test_adding_marks_one_number_in_each_half_and_asks_for_their_sum(length, seed):
    inputs, targets = AddingProblem(length, batch_size=8, seed=seed)[0]
    numbers, marks = inputs.unbind(-1)
    assert inputs.shape == (8, length, 2)
    assert targets.shape == (8, length)
    assert (targets[:, :-1] == -100).all()
    assert inputs.dtype == targets.dtype == torch.float32
    assert (marks[:, : length // 2].sum(1) == 1).all()
    assert (marks[:, length // 2 :].sum(1) == 1).all()
    assert torch.allclose((numbers * marks).sum(1), targets[:, -1])


@settings(deadline=None, max_examples=20)
@given(steps=st.integers(1, 60), seed=st.integers(0, 9))
def test_products_of_swaps_are_running_parity(steps, seed):
    inputs, targets = RunningProducts(2, steps=steps, batch_size=3, seed=seed)[0]
    assert torch.equal(targets, inputs.cumsum(1) % 2)


@pytest.mark.parametrize("things", [3, 4, 5])
def test_products_are_those_of_permutation_matrices_the_latest_on_the_left(things):
    task = RunningProducts(things, steps=12, batch_size=3)
    inputs, targets = task[0]
    matrices = torch.stack([torch.eye(things)[list(p)].T for p in permutations(range(things))])
    product = torch.eye(things)
    for t in range(12):
        product = matrices[inputs[:, t]] @ product
        assert torch.equal(product, matrices[targets[:, t]])


@pytest.mark.parametrize("things", [2, 3])
def test_a_changed_input_changes_every_later_product(things):
    task = RunningProducts(things, steps=30, batch_size=1)
    inputs, _ = task[0]
    other = inputs.clone()
    other[0, 4] = (inputs[0, 4] + 1) % task.vocabulary_size
    products = []
    for row in (inputs[0], other[0]):
        found = [int(row[0])]
        for x in row[1:]:
            found.append(int(task.table[int(x), found[-1]]))
        products.append(torch.tensor(found))
    assert torch.equal(products[0][:4], products[1][:4])
    assert (products[0][4:] != products[1][4:]).all()


def test_always_saying_one_scores_chance_on_adding():
    task = AddingProblem(20, batch_size=20_000)
    assert ((task[0][1][:, -1] - 1) ** 2).mean().item() == pytest.approx(task.chance_loss, abs=5e-3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CopyMemory(-1), "delay=-1"),
        (lambda: CopyMemory(1, symbols=1), "symbols=1"),
        (lambda: CopyMemory(1, length=0), "length=0"),
        (lambda: LaggedRecall(-1), "lag=-1"),
        (lambda: LaggedRecall(5, steps=5), "steps=5"),
        (lambda: RunningProducts(6), "things=6"),
        (lambda: RunningProducts(steps=0), "steps=0"),
        (lambda: AddingProblem(1), "length=1"),
        (lambda: AddingProblem(5, batch_size=0), "batch_size=0"),
        (lambda: AddingProblem(5, seed=-1), "seed=-1"),
    ],
)
def test_a_task_that_makes_no_sense_says_why(make, message):
    with pytest.raises(ValueError, match=message):
        make()
