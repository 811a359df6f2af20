"""The live pair: one start, one text, two trainings; and what lesson 12 reads from the study's artefacts."""

import copy
import json

import pytest
import torch
from typer.testing import CliRunner

from lessons_lib.cli import app
from lessons_lib.experiments.artefact import SCHEMA
from lessons_lib.experiments.reading import embedded_language
from lessons_lib.lessons.lesson_12 import experiment as live_pair
from lessons_lib.runs import Run
from lessons_lib.wikitext2 import cost, table
from lessons_lib.wikitext2.rows import at_bound, config_of

READING = embedded_language()


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setenv("LESSONS_BUDGET", "ci")


@pytest.mark.parametrize("family", live_pair.CORES)
def test_the_twin_begins_with_the_run_and_is_what_the_unstable_row_alone_would_be(family):
    run = Run(
        live_pair.factory(family, 0, READING),
        live_pair.settings(f"{family}-stable"),
        name=f"live pair, tested on {family}",
        steps=6,
        twin=live_pair.settings(f"{family}-unstable"),
    )
    run.start()
    history = run.result(timeout=120)
    alone = Run(live_pair.factory(family, 0, READING), live_pair.settings(f"{family}-unstable"), name="alone", steps=6)
    alone.start()
    assert history.twin_steps == history.steps == list(range(6))
    assert history.twin_loss == alone.result(timeout=120).loss
    assert history.loss != history.twin_loss
    assert live_pair.SETS[f"{family}-stable"].contains(run.model)
    run.reset()
    run.start()
    assert run.result(timeout=120).twin_loss == history.twin_loss, "a reset gives the twin back too"
    run.close()
    alone.close()


@pytest.mark.parametrize("row", live_pair.SETS)
def test_a_stable_row_is_certified_in_float64_after_training(row):
    one = live_pair.trained(row, 0, steps=8, learning_rate=live_pair.LIVE_RATES[row.split("-")[0]], reading=READING)
    assert one.losses[-1] < one.losses[0]
    model = copy.deepcopy(one.model).to("cpu", torch.float64)
    if row.endswith("-stable"):
        assert live_pair.SETS[row].contains(model)
        assert live_pair.SETS[row].rate(model) < 1


def test_a_search_chooses_on_words_that_no_score_is_taken_on(monkeypatch):
    asked = {8.0: (6.0, 1.0), 16.0: (5.0, 9.0), 32.0: (7.0, 1.0), 64.0: (8.0, 1.0)}

    def trained(row, seed, *, steps, learning_rate, reading):
        chosen_on, scored_on = asked[learning_rate]
        return live_pair.Trained(row, seed, None, torch.zeros(1), chosen_on, scored_on)

    monkeypatch.setattr(live_pair, "trained", trained)
    assert live_pair.searched_rate("lstm-stable", steps=1) == 16.0


def test_unknown_families_and_rows_are_refused():
    with pytest.raises(ValueError, match="choose one of rnn, lstm"):
        live_pair.factory("gru")()
    with pytest.raises(ValueError, match="choose one of rnn-unstable"):
        live_pair.settings("gru-stable")


def artefact(folder, row, seed, perplexity, needed=None, **arguments):
    config = {"stable_set": config_of(row.split("@")[0], "laptop").stable_set, "set_arguments": arguments}
    content = {
        "schema": SCHEMA,
        "row": row,
        "seed": seed,
        "config": config,
        "test_perplexity": perplexity,
        "forgetting": {"bound": {"needed": needed} if needed else None},
    }
    (folder / f"wikitext2-{row}-laptop-seed{seed}.json").write_text(json.dumps(content))


def test_what_stability_costs_is_read_by_row_and_bound(tmp_path):
    assert cost.read_cost("laptop", folder=tmp_path) == {}
    artefact(tmp_path, "rnn-unstable", 0, 1.0)
    artefact(tmp_path, "rnn-stable", 0, 2.0, bound=0.99)
    artefact(tmp_path, "rnn-stable@0.5", 0, 3.0, bound=0.5)
    artefact(tmp_path, "rnn-stable@0.5", 1, 4.0, needed=7, bound=0.5)
    artefact(tmp_path, "lstm-stable-wide", 0, 5.0, highest_ceiling=0.92, mu=1.1)
    assert cost.read_cost("laptop", folder=tmp_path) == {
        "rnn-stable": {0.5: cost.Cost([3.0, 4.0], [7]), 0.99: cost.Cost([2.0])},
        "lstm-stable-wide": {0.92: cost.Cost([5.0])},
    }
    todo = cost.missing("laptop", folder=tmp_path)
    assert "lessons study wikitext2 --row rnn-stable --preset laptop --seed 2 --bound 0.5" in todo
    assert len(todo) == 3 * sum(map(len, cost.BOUNDS.values())) - 2, "two of them stand in the folder"


def test_every_bound_of_the_picture_is_one_that_its_set_accepts():
    for row, bounds in cost.BOUNDS.items():
        for bound in bounds:
            at_bound(row, config_of(row, "laptop"), bound)
    with pytest.raises(ValueError, match="has no bound"):
        at_bound("rnn-unstable", config_of("rnn-unstable", "ci"), 0.5)


def test_a_row_is_trained_at_another_bound_and_does_not_touch_the_table(tmp_path):
    words = ["study", "wikitext2", "--row", "rnn-stable", "--preset", "ci", "--corpus", "synthetic", "--bound", "0.5"]
    folders = ["--checkpoints", str(tmp_path), "--results", str(tmp_path / "results"), "--device", "cpu"]
    answer = CliRunner().invoke(app, [*words, *folders])
    assert answer.exit_code == 0, answer.output
    measured = cost.read_cost("ci", "synthetic", tmp_path / "results")
    assert list(measured["rnn-stable"]) == [0.5]
    shown = CliRunner().invoke(
        app, ["table", "--preset", "ci", "--corpus", "synthetic", "--results", str(tmp_path / "results")]
    )
    assert "| rnn-stable | none yet |" in shown.output


def test_a_row_is_trained_at_another_rate_and_touches_neither_the_table_nor_the_cost(tmp_path):
    words = ["study", "wikitext2", "--row", "qrnn-stable", "--preset", "ci", "--corpus", "synthetic", "--rate", "0.5"]
    folders = ["--checkpoints", str(tmp_path), "--results", str(tmp_path / "results"), "--device", "cpu"]
    answer = CliRunner().invoke(app, [*words, *folders])
    assert answer.exit_code == 0, answer.output
    (one,) = table.at_other_rates("ci", "synthetic", tmp_path / "results")
    assert one.row == "qrnn-stable@rate0.5"
    assert one.artefacts[0]["config"]["learning_rate"] == 0.5
    assert not any(row.artefacts for row in table.read_table("ci", "synthetic", tmp_path / "results"))
    assert cost.read_cost("ci", "synthetic", tmp_path / "results") == {}
