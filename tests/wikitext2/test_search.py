import json
import multiprocessing
import os
import signal
import sys
import time
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from lessons_lib.cli import app
from lessons_lib.wikitext2.rows import ROWS, config_of, starting_point, suggest
from lessons_lib.wikitext2.search import RETRIES, Processes, Search, WorkerError, publish, run

optuna = pytest.importorskip("optuna", reason="optuna is not installed: pip install 'lessons-lib[lab]'")


@pytest.mark.parametrize("row", ROWS)
def test_every_point_of_a_rows_space_is_a_valid_config(row):
    for preset in ("laptop", "paper"):
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        for _ in range(50):
            suggest(config_of(row, preset), study.ask()).build_set()


@pytest.mark.parametrize("row", ROWS)
def test_a_search_begins_with_the_rows_own_config(row):
    for preset in ("laptop", "paper"):
        config, study = config_of(row, preset), optuna.create_study()
        study.enqueue_trial(starting_point(config))
        again = suggest(config, study.ask())
        own, found = dict(config.set_arguments), dict(again.set_arguments)
        assert found == {name: pytest.approx(value) for name, value in own.items()}
        assert replace(again, set_arguments=config.set_arguments) == config


class KillsOne(Processes):
    """Kills the first worker in the middle of its training."""

    def __init__(self, folder):
        super().__init__()
        self.folder, self.victim = folder, None

    def submit(self, job):
        process = super().submit(job)
        if self.victim is None:
            self.victim = process
        return process

    def wait(self, handles):
        while self.victim in handles and self.victim.is_alive():
            if list(self.folder.glob("*.safetensors")):
                os.kill(self.victim.pid, signal.SIGKILL)
                break
            time.sleep(0.01)
        return super().wait(handles)


def search_in(folder, epochs=2):
    return Search("lstm-stable", "ci", epochs=epochs, folder=folder, corpus="synthetic")


class Untrained:
    """Workers that train nothing: whose has ended is what ``ends`` says of the trials that are going on."""

    def __init__(self, ends):
        self.ends, self.submitted, self.stopped = ends, [], []

    def submit(self, job):
        self.submitted.append(job.number)
        return job.number

    def wait(self, handles):
        return self.ends(handles)

    def stop(self, handle):
        self.stopped.append(handle)


class DriverDiedError(Exception):
    """What ends the search, not its trials."""


def states(folder):
    return {trial.number: trial.state.name for trial in search_in(folder).open().trials}


def test_a_trial_that_ended_while_no_driver_was_there_is_heard_of_and_not_trained_again(tmp_path):
    def ends(handles):
        search_in(tmp_path).result(0).write_text(json.dumps({"state": "complete", "value": 7.0}))
        raise DriverDiedError

    stopped = Untrained(ends)
    with pytest.raises(DriverDiedError):
        run(search_in(tmp_path), 1, stopped)
    assert (stopped.submitted, stopped.stopped, states(tmp_path)) == ([0], [0], {0: "RUNNING"})
    again = Untrained(ends)
    result = run(search_in(tmp_path), 1, again)
    assert (again.submitted, states(tmp_path), result["best"]) == ([], {0: "COMPLETE"}, 0)


def test_a_trial_whose_worker_always_dies_has_failed_and_the_next_command_goes_on_with_the_others(tmp_path):
    workers = Untrained(min)
    with pytest.raises(WorkerError, match=f"trial 0 died {RETRIES + 1} times"):
        run(search_in(tmp_path), 2, workers)
    assert workers.submitted.count(0) == RETRIES + 1
    assert workers.stopped == [1]
    assert states(tmp_path) == {0: "FAIL", 1: "RUNNING"}

    def ends(handles):
        for number in handles:
            search_in(tmp_path).result(number).write_text(json.dumps({"state": "complete", "value": 7.0}))
        return handles[0]

    run(search_in(tmp_path), 2, Untrained(ends))
    assert states(tmp_path) == {0: "FAIL", 1: "COMPLETE", 2: "COMPLETE"}


@pytest.mark.slow
def test_processes_that_still_train_are_ended_with_their_search(tmp_path):
    class KillsTheFirstTrial(Processes):
        def submit(self, job):
            process = super().submit(job)
            if job.number == 0:
                process.kill()
            return process

    with pytest.raises(WorkerError):
        run(search_in(tmp_path), 2, KillsTheFirstTrial(), tell=lambda line: None)
    assert multiprocessing.active_children() == []


def test_a_search_under_another_config_than_its_folder_s_is_refused(tmp_path):
    def ends(handles):
        raise DriverDiedError

    with pytest.raises(DriverDiedError):
        run(search_in(tmp_path, epochs=1), 1, Untrained(ends))
    with pytest.raises(ValueError, match=r"another config \(epochs differ\): .*delete the folder"):
        run(search_in(tmp_path, epochs=2), 1, Untrained(ends))


def test_a_journal_with_trials_and_no_config_takes_the_config_that_it_is_gone_on_with(tmp_path):
    older = search_in(tmp_path).open()
    older.tell(older.ask(), state=optuna.trial.TrialState.PRUNED)

    def ends(handles):
        search_in(tmp_path).result(handles[0]).write_text(json.dumps({"state": "complete", "value": 6.0}))
        return handles[0]

    result = run(search_in(tmp_path), 2, Untrained(ends), tell=lambda line: None)
    assert [trial["state"] for trial in result["trials"]] == ["pruned", "complete"]
    with pytest.raises(ValueError, match=r"another config \(epochs differ\)"):
        run(search_in(tmp_path, epochs=3), 3, Untrained(ends))


def test_a_search_without_a_trained_trial_overwrites_no_published_one(tmp_path):
    (tmp_path / "search-here.json").write_text("published before")
    with pytest.raises(ValueError, match="no trial of here was trained to its end"):
        publish({"name": "here", "best": None, "trials": []}, tmp_path)
    assert (tmp_path / "search-here.json").read_text() == "published before"


def lessons_search(folder, *words):
    places = ("--corpus", "synthetic", "--folder", str(folder), "--results", str(folder / "results"))
    return CliRunner().invoke(app, ["search", "--row", "lstm-stable", "--preset", "ci", *places, *words])


@pytest.mark.parametrize("count", ["--trials", "--epochs", "--processes"])
def test_a_search_of_nothing_is_refused(tmp_path, count):
    answer = lessons_search(tmp_path, count, "0")
    assert answer.exit_code == 2
    assert count in answer.output
    assert not list(tmp_path.iterdir())


def test_a_search_whose_results_cannot_be_written_is_refused_before_a_trial(tmp_path):
    (tmp_path / "results").write_text("a file where a folder should be")
    answer = lessons_search(tmp_path)
    assert (answer.exit_code, len(answer.output.splitlines())) == (2, 1)
    assert "add --results FOLDER" in answer.output
    assert [path.name for path in tmp_path.iterdir()] == ["results"]


@pytest.mark.parametrize(("module", "extra", "words"), [("optuna", "lab", ()), ("ray", "ray", ("--ray",))])
def test_a_search_whose_extra_is_not_installed_says_so_in_one_line(tmp_path, monkeypatch, module, extra, words):
    for name in [name for name in sys.modules if name.split(".")[0] == module] or [module]:
        monkeypatch.setitem(sys.modules, name, None)
    answer = lessons_search(tmp_path, *words)
    assert answer.exit_code == 2
    assert answer.output == f"lessons: {module} is not installed: pip install 'lessons-lib[{extra}]'\n"


@pytest.mark.slow
def test_twelve_trials_over_two_processes_one_killed_none_lost_none_stuck(tmp_path):
    said = []
    result = run(search_in(tmp_path), 12, KillsOne(tmp_path), tell=said.append)
    assert any("resuming from its checkpoint" in line for line in said)
    assert [t["number"] for t in result["trials"]] == list(range(12))
    assert {t["state"] for t in result["trials"]} <= {"complete", "pruned", "diverged"}
    assert set(states(tmp_path).values()) <= {"COMPLETE", "PRUNED"}
    assert result["best"] is not None
    artefact = json.loads(publish(result, tmp_path / "results").read_text())
    assert len(artefact["trials"]) == 12


def drive(folder, trials):
    run(search_in(folder), trials, Processes())


@pytest.mark.slow
def test_a_killed_driver_is_replaced_by_the_same_command(tmp_path):
    driver = multiprocessing.get_context("spawn").Process(target=drive, args=(tmp_path, 4))
    driver.start()
    end = time.monotonic() + 60
    while not list(tmp_path.glob("*.safetensors")):
        assert time.monotonic() < end
        time.sleep(0.05)
    driver.kill()
    driver.join()
    study = search_in(tmp_path).open()
    running = [t.number for t in study.trials if t.state.name == "RUNNING"]
    assert running
    result = run(search_in(tmp_path), 4, Processes())
    assert len(result["trials"]) == 4
    assert {t["state"] for t in result["trials"]} <= {"complete", "pruned", "diverged"}
