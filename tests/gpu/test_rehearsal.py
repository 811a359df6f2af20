"""Without a GPU the rehearsal runs its CPU parts, leaves nothing behind and says in one line what it skipped."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from lessons_lib.experiments.experiment import read
from lessons_lib.files import results_folder
from tests.gpu import rehearsal

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is here: run the whole of tests/gpu/rehearsal.sh")
def test_the_rehearsal_runs_its_cpu_parts_and_skips_the_rest_in_one_line():
    before = {path.name: path.stat().st_mtime_ns for path in results_folder().iterdir()}
    answer = subprocess.run(
        [str(ROOT / "tests/gpu/rehearsal.sh")],
        env=os.environ | {"PYTHON": sys.executable, "LESSONS_BUDGET": "ci"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    *parts, last = answer.stdout.strip().splitlines()
    assert [part.split(":")[0] for part in parts] == ["steering", "panel", "rnn step"]
    assert last.startswith("no CUDA device here: ")
    assert {path.name: path.stat().st_mtime_ns for path in results_folder().iterdir()} == before


def test_every_change_is_timed_to_the_step_that_used_it():
    found = rehearsal.steered(4)
    assert found["changes"] == 4
    assert 0 < found["median_ms"] <= found["p95_ms"] <= found["largest_ms"]


def test_lesson_05s_race_is_plain_json():
    found = rehearsal.race((4, 8))
    assert json.loads(json.dumps(found)) == found
    assert [(one["family"], one["length"]) for one in found] == [("lstm", 4), ("tcn", 4), ("lstm", 8), ("tcn", 8)]


def test_a_failing_pytest_is_not_taken_for_a_result(tmp_path):
    (tmp_path / "test_it.py").write_text("def test_it():\n    assert False\n")
    with pytest.raises(RuntimeError, match="1 failed"):
        rehearsal.pytest_passes("-p", "no:cacheprovider", str(tmp_path))


def test_what_is_written_is_read_as_every_artefact_is(tmp_path, monkeypatch):
    for part in ("steered", "panel_cost", "step_times"):
        monkeypatch.setattr(rehearsal, part, lambda *given: {"ms": 1.0})
    rehearsal.rehearse(tmp_path, cuda=False)
    result = read("gpu", tmp_path)
    assert {point["part"] for point in result.points} == {"steering", "panel", "training_step"}
    assert (ROOT / result.config["command"]).is_file()
