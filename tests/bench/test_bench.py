"""A benchmark's verdict: a missed limit is measured once more, and counts when it is missed again."""

import os

import pytest
from typer.testing import CliRunner

from lessons_lib.bench import BENCHMARKS, Gate, judge, run, training
from lessons_lib.cli import app
from lessons_lib.corpora import DataUnavailable, download
from lessons_lib.training import default_device


def measured(*rounds):
    left = iter(rounds)
    return lambda: [Gate("speed", value, 1.5, at_least=True) for value in next(left)]


@pytest.mark.parametrize(("rounds", "kept"), [(([1.6],), True), (([1.2], [1.5]), True), (([1.2], [1.4]), False)])
def test_a_limit_has_to_be_missed_twice(rounds, kept):
    said = []
    assert judge(measured(*rounds), said.append) is kept
    assert ("NOT MET" in said[0]) is not kept


def test_slack_forgives_a_near_miss_and_still_tells_it():
    said = []
    assert judge(measured([1.3], [1.3]), said.append, slack=0.25)
    assert "NOT MET" in said[0]
    assert not judge(measured([1.1], [1.1]), said.append, slack=0.25)


def test_limits_hold_from_above_and_from_below_and_a_gate_without_one_is_met():
    assert Gate("memory", 0.35, 0.35).met
    assert not Gate("memory", 0.36, 0.35).met
    assert not Gate("speed", 1.49, 1.5, at_least=True).met
    assert Gate("told only", 1e9).met


def test_a_missed_limit_is_the_commands_exit_code(monkeypatch):
    monkeypatch.setattr("lessons_lib.bench.scan.gates", measured([1.0], [1.0]))
    result = CliRunner().invoke(app, ["bench", "scan"])
    assert result.exit_code == 1
    assert "speed: 1  (limit >= 1.5, NOT MET)" in result.output


@pytest.mark.parametrize("there", [True, False])
def test_memory_is_measured_only_where_the_system_tells_it(tmp_path, monkeypatch, capsys, there):
    for measurement in ("step_speed", "evaluation_speed", "memory_growth", "projection_share", "study_speed"):
        monkeypatch.setattr(training, measurement, lambda *args, **options: 1.0)
    monkeypatch.setattr(training, "check_equal", lambda core: None)
    monkeypatch.setattr(training, "STATUS", tmp_path if there else tmp_path / "status")
    assert any("memory" in gate.name for gate in training.gates()) is there
    assert ("memory is left out" in capsys.readouterr().out) is not there


def test_without_the_data_the_other_benchmarks_still_run(monkeypatch):
    def absent(file):
        raise DataUnavailable("train.txt is not here")

    monkeypatch.setattr(download, "read", absent)
    monkeypatch.setattr("lessons_lib.bench.scan.gates", measured([2.0]))
    result = CliRunner().invoke(app, ["bench", "corpora", "scan"])
    assert result.exit_code == 0
    assert "left out: train.txt is not here" in result.output
    assert "speed: 2  (limit >= 1.5, met)" in result.output


def test_what_is_measured_runs_on_the_cpu_and_says_so_where_there_is_a_gpu(monkeypatch):
    monkeypatch.setenv("LESSONS_DEVICE", "cuda")
    devices, said = [], []

    def gates():
        devices.append(default_device().type)
        return []

    monkeypatch.setattr("lessons_lib.bench.scan.gates", gates)
    assert run("scan", said.append)
    assert devices == ["cpu"]
    assert "cpu (1 thread)" in said[0]
    assert os.environ["LESSONS_DEVICE"] == "cuda"


def test_an_unknown_benchmark_is_refused_in_one_line():
    with pytest.raises(ValueError, match="unknown benchmark 'speed': choose from training"):
        run("speed")
    assert "training" in BENCHMARKS
