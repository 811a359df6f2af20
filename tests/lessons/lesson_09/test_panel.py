"""The table of an LSTM's gates follows the run, and is gone when it is replaced."""

import pytest

from lessons_lib.experiments import chorales
from lessons_lib.lessons.lesson_09.panel import GateTable, gates_in_html
from lessons_lib.runs import Run
from lessons_lib.stability import LSTMStableSet, LSTMWideSet, Unconstrained, gate_norms


def test_the_limits_are_what_the_projection_leaves():
    model, _ = chorales.factory("LSTM", reading=chorales.embedded_music())()
    for ceiling in (0.56, 0.64, 0.9):
        chosen = LSTMStableSet(ceiling)
        model.core.cells[0].weight_hh_l0.data.mul_(10)
        chosen.project_(model)
        assert gate_norms(model) == pytest.approx(chosen.gate_limits(), rel=1e-4)


def test_what_is_not_known_is_left_open():
    assert gates_in_html({}, {}).count("–") == 4
    shown = gates_in_html({"i": 2.0}, {"i": 0.36})
    assert "2" in shown
    assert "0.36" in shown


def test_a_limit_in_words_is_shown_as_it_is_and_a_free_gate_may_have_anything():
    assert gates_in_html({}, LSTMWideSet().gate_limits()).count("joint budget") == 4
    assert gates_in_html({}, Unconstrained().gate_limits()).count("anything") == 4


def test_the_table_follows_its_run_and_replaces_the_one_before():
    reading = chorales.embedded_music()
    settings = chorales.settings("LSTM", reading=reading)
    run = Run(chorales.factory("LSTM", reading=reading), settings, name="gates", steps=2, probe=chorales.probe(reading))
    first = GateTable(run)
    second = GateTable(run)
    assert first._show not in run.listeners
    run.start()
    run.result(60)
    assert "anything" in second._html.value
    assert "–" not in second._html.value
    second.close()
    assert run.listeners == []
    run.close()
