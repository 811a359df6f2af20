"""Where files lie, and that they are written whole or not at all."""

import os
import threading
from pathlib import Path

import pytest

from lessons_lib import files

ROOT = Path(__file__).parents[2]


def test_in_a_checkout_everything_lies_below_its_data_folder(monkeypatch):
    monkeypatch.delenv("LESSONS_CACHE_DIR", raising=False)
    assert files.checkout() == ROOT
    assert files.results_folder() == ROOT / "data" / "results"
    assert files.cache_folder() == ROOT / "data" / "cache"
    assert files.checkpoints_folder() == ROOT / "data" / "cache" / "checkpoints"


def test_without_a_checkout_the_cache_is_the_users_and_results_are_where_one_works(monkeypatch, tmp_path):
    monkeypatch.delenv("LESSONS_CACHE_DIR", raising=False)
    monkeypatch.setattr(files, "__file__", str(tmp_path / "site-packages" / "lessons_lib" / "files.py"))
    monkeypatch.chdir(tmp_path)
    assert files.checkout() is None
    assert files.results_folder() == tmp_path / "data" / "results"
    assert files.cache_folder().name in ("lessons_lib", "Cache")
    assert files.cache_folder().is_relative_to(Path.home())


def test_a_chosen_cache_holds_checkpoints_too(monkeypatch, tmp_path):
    monkeypatch.setenv("LESSONS_CACHE_DIR", str(tmp_path / "mine"))
    assert files.cache_folder() == tmp_path / "mine"
    assert files.checkpoints_folder().parent == tmp_path / "mine"


def test_saved_runs_lie_where_the_environment_says_a_home_may_be_written_as_a_tilde(monkeypatch, tmp_path):
    monkeypatch.delenv("LESSONS_RUNS_DIR", raising=False)
    assert files.runs_folder() == ROOT / "my_runs"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LESSONS_RUNS_DIR", "~/kept")
    assert files.runs_folder() == Path("~/kept").expanduser()


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path, monkeypatch, step):
    path = tmp_path / "deep" / "value.json"
    files.write_atomically(path, b"old")

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OSError, match="disk full"):
        files.write_atomically(path, b"new")
    assert [p.name for p in path.parent.iterdir()] == ["value.json"]
    assert path.read_bytes() == b"old"


def test_threads_that_write_one_file_at_once_leave_one_of_the_contents_whole(tmp_path):
    path, contents = tmp_path / "value", [bytes([i]) * 200_000 for i in range(4)]
    writers = [threading.Thread(target=files.write_atomically, args=(path, content)) for content in contents]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert path.read_bytes() in contents
    assert list(tmp_path.iterdir()) == [path]
