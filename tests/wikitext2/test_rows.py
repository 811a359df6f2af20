"""The rows' configs are what the stored results were trained with, and their sets say what is searched."""

import json
from dataclasses import replace

import pytest

from lessons_lib.experiments.artefact import read_artefact, results_folder
from lessons_lib.wikitext2 import search
from lessons_lib.wikitext2.rows import ROWS, at_bound, config_of, suggest

STORED = sorted(results_folder().glob("wikitext2-*.json"))
SPACES = {
    "rnn-unstable": set(),
    "rnn-stable": {"bound"},
    "lstm-unstable": set(),
    "lstm-clipped": {"input_clip"},
    "lstm-published-code": {"input_clip"},
    "linear-unstable": set(),
    "linear-stable": {"bound"},
    "qrnn-unstable": set(),
    "qrnn-stable": {"forget_ceiling"},
    "lstm-stable": {"input_clip", "forget_ceiling"},
    "lstm-stable-wide": {"input_clip", "lowest_ceiling", "highest_ceiling", "slack", "mu"},
}


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_every_stored_result_has_its_rows_config_down_to_the_byte(path):
    artefact = read_artefact(path)
    row, _, changed = artefact["row"].partition("@")
    config = config_of(row, artefact["preset"])
    if changed.startswith("rate"):
        config = replace(config, learning_rate=float(changed.removeprefix("rate")))
    elif changed:
        config = at_bound(row, config, float(changed))
    stored = {name: artefact["config"][name] for name in config.to_json()}
    assert json.dumps(config.to_json()) == json.dumps(stored)
    assert stored.keys() == artefact["config"].keys()


def test_there_are_stored_results_of_every_kind_of_row():
    assert {read_artefact(path)["row"].split("@")[0] for path in STORED} >= SPACES.keys()


class Recorder:
    """Takes the middle of every interval and remembers it."""

    def __init__(self):
        self.asked = {}

    def suggest_float(self, name, low, high, **_):
        self.asked[name] = (low, high)
        return (low + high) / 2

    def suggest_categorical(self, name, choices):
        self.asked[name] = choices
        return choices[0]


@pytest.mark.parametrize("row", SPACES)
def test_a_rows_search_space_is_common_but_for_what_its_set_declares(row):
    trial = Recorder()
    config = suggest(config_of(row, "laptop"), trial)
    assert trial.asked.keys() == {"learning_rate"} | SPACES[row]
    assert config.build_set().searched.items() <= trial.asked.items()
    if "input_bound" in dict(config.set_arguments):
        assert dict(config.set_arguments)["input_bound"] == config.input_clip == 0.5


@pytest.mark.parametrize("row", ROWS)
def test_a_rows_rate_and_bound_lie_inside_what_a_search_of_ten_trials_tried(row):
    config, found = config_of(row, "laptop"), search.read(row, "laptop")
    trials = found["trials"]
    assert len(trials) >= 10
    best, rates = trials[found["best"]], sorted(one["params"]["learning_rate"] for one in trials)
    assert rates[0] < config.learning_rate < rates[-1]
    assert rates[0] < best["params"]["learning_rate"] < rates[-1]
    near = [one for one in trials if abs(one["params"]["learning_rate"] / config.learning_rate - 1) < 0.1]
    values = [one["value"] for one in near if one["state"] == "complete"]
    assert min(values) <= 1.02 * best["value"]  # the row's rate is as good as the best trial's, but for seeds
    for name, (low, high) in config.build_set().searched.items():
        assert low < best["params"][name] < high
        assert low < config.build_set().point()[name] < high


def test_a_bound_that_the_set_refuses_is_no_config():
    assert "rnn-stable" in ROWS
    with pytest.raises(ValueError, match="from 0 up"):
        at_bound("rnn-stable", config_of("rnn-stable", "laptop"), -1.0)
