import json
import multiprocessing
import os
import signal
import time
from dataclasses import replace

import pytest

from lessons_lib.wikitext2.rows import ROWS, config_of, starting_point, suggest
from lessons_lib.wikitext2.search import Processes, Search, publish, run

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


def search_in(folder):
    return Search("lstm-stable", "ci", epochs=2, folder=folder, corpus="synthetic")


@pytest.mark.slow
def test_twelve_trials_over_two_processes_one_killed_none_lost_none_stuck(tmp_path):
    said = []
    result = run(search_in(tmp_path), 12, KillsOne(tmp_path), tell=said.append)
    assert any("resuming from its checkpoint" in line for line in said)
    assert [t["number"] for t in result["trials"]] == list(range(12))
    assert {t["state"] for t in result["trials"]} <= {"complete", "pruned", "diverged"}
    states = {t.state.name for t in search_in(tmp_path).open().trials}
    assert states <= {"COMPLETE", "PRUNED"}
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
