import json

import pytest

from lessons_lib.runs import Recording, saved_runs
from lessons_lib.runs.recording import FILE, SCRIPT
from lessons_lib.stability import LSTMWideSet, SpectralBall
from lessons_lib.training import Settings

FIRST = Settings(5, learning_rate=0.1)
MOVES = ((0, FIRST), (7, Settings(5, learning_rate=0.1, stable_set=SpectralBall(0.9))))
RECORDING = Recording("first minute", MOVES, (3.0, 2.5), (1,), (2.75,), (0.5, 0.25), (4.0, float("inf")), "print(1)\n")


def test_a_saved_run_is_read_as_it_was(tmp_path):
    place = RECORDING.save(tmp_path, {"picture.html": b"<p>"})
    assert Recording.load(place) == RECORDING
    assert saved_runs(tmp_path) == [place]
    assert (place / SCRIPT).read_text() == "print(1)\n"
    assert (place / "picture.html").read_bytes() == b"<p>"
    assert place.name.endswith("_first_minute")


def test_it_is_named_by_its_last_settings():
    assert RECORDING.title == "λ ≤ 0.9, k 5, rate 0.1"


def test_two_runs_saved_at_once_are_two_runs(tmp_path):
    assert RECORDING.save(tmp_path) != RECORDING.save(tmp_path)
    assert len(saved_runs(tmp_path)) == 2


@pytest.mark.parametrize("damage", ["", "[]", "{", json.dumps({"format": 99}), json.dumps({"format": 1, "moves": []})])
def test_a_damaged_file_is_refused_in_a_line(tmp_path, damage):
    place = RECORDING.save(tmp_path)
    (place / FILE).write_text(damage)
    with pytest.raises(ValueError, match="is no saved run that can be read") as refused:
        Recording.load(place)
    assert "\n" not in str(refused.value)


def test_a_folder_without_a_run_is_none(tmp_path):
    (tmp_path / "empty").mkdir()
    assert saved_runs(tmp_path) == []
    assert saved_runs(tmp_path / "nowhere") == []


def test_a_set_with_several_numbers_comes_back(tmp_path):
    wide = Recording("wide", ((0, Settings(5, stable_set=LSTMWideSet(0.97, 0.2, 0.9))),), (1.0,))
    assert Recording.load(wide.save(tmp_path)) == wide
