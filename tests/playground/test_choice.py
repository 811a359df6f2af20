"""Whatever is chosen is built, trains and is measured; what does not fit is refused; and a run is a plain cell."""

import itertools
import json
import math
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from lessons_lib.corpora import OwnText, download
from lessons_lib.playground.choice import Choice, usual_choice
from lessons_lib.playground.corpora import CORPORA
from lessons_lib.playground.entry import Line, smallest, usual
from lessons_lib.playground.models import MODELS, NO_SET, OPTIMIZERS, sets_of
from lessons_lib.stability import Unconstrained, singular_values
from lessons_lib.training import train
from tests.waiting import wait_for

OWN = OwnText("own.txt", b"the quick brown fox jumps over the lazy dog. " * 300)
NONE = Line(NO_SET, {})


def choice(corpus: str, model: str, take=smallest, stable_set: Line = NONE) -> Choice:
    own = OWN if CORPORA[corpus].upload else None
    return Choice(take(CORPORA, corpus), take(MODELS, model), usual(OPTIMIZERS, "Adam"), stable_set, own)


@pytest.fixture
def present(request, corpus):
    if corpus.startswith("WikiText-2"):
        request.getfixturevalue("wikitext2_present")


@pytest.mark.usefixtures("present")
@pytest.mark.parametrize(("corpus", "model"), list(itertools.product(CORPORA, MODELS)))
def test_every_corpus_with_every_model_and_stable_set_takes_five_steps_and_is_measured(corpus, model):
    for name in (sets := sets_of(model)):
        run = choice(corpus, model, stable_set=usual(sets, name)).run()
        stable_set = run.settings.stable_set
        records = list(train(run.model, run.stream, run.settings, steps=5, optimizer=run.optimizer))
        assert all(math.isfinite(record.loss) for record in records)
        assert stable_set.contains(run.model)
        run.close()
    found = run.probe(run.model, run.settings)
    assert math.isfinite(found.held_out_loss)
    assert len(found.truncation_error) == run.probe.max_context
    assert (found.gradient_by_lag is None) == (run.model.context_length is not None)
    if run.model.context_length is not None:
        assert not any(found.truncation_error[run.model.context_length - 1 :])


@pytest.mark.parametrize("number", [math.nan, math.inf, 1e30])
@pytest.mark.parametrize("model", MODELS)
def test_a_diverged_model_is_measured_without_a_failure(model, number):
    run = choice("lagged recall", model).run()
    with torch.no_grad():
        for weights in run.model.parameters():
            weights.fill_(number)
    run.probe(run.model, run.settings)
    run.close()


def test_to_begin_with_there_is_the_first_minutes_model_on_real_words_or_a_made_up_language(monkeypatch):
    monkeypatch.setattr(download, "available", lambda *files: True)
    assert usual_choice().corpus == Line("WikiText-2, words", {"vocabulary": 2_000})
    monkeypatch.setattr(download, "available", lambda *files: False)
    found = usual_choice()
    assert found.corpus.name == "product of lags"
    run = found.run()
    assert singular_values(run.model)[0].tolist() == pytest.approx([2.0] * 96, rel=1e-4)
    assert (run.settings.stable_set, run.optimizer, run.settings.truncation_length) == (Unconstrained(), "sgd", 50)
    run.close()


def test_where_the_data_folder_holds_a_wrong_copy_there_is_the_made_up_language_and_the_words_say_what_is_wrong(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("LESSONS_DATA_DIR", str(tmp_path))
    for file in download.WIKITEXT2.values():
        (tmp_path / file.path).parent.mkdir(exist_ok=True)
        (tmp_path / file.path).write_text("cut")
    assert usual_choice().corpus.name == "product of lags"
    with pytest.raises(ValueError, match=r"3 bytes instead of [^\n]*: replace or remove it[^\n]*$"):
        choice("WikiText-2, characters", "LSTM").factory()


@pytest.mark.parametrize(
    ("corpus", "model", "changes", "line"),
    [
        ("renewal", "GRU", {"corpus": Line("renewal", {"shortest": 5, "longest": 2})}, "the shortest gap, 5, .*change"),
        (
            "renewal",
            "Transformer",
            {"model": Line("Transformer", {"hidden_size": 64, "layers": 1, "heads": 5, "window": 8})},
            "width 64 is no multiple of twice the number of heads .5.: change one",
        ),
        ("your own text, words", "LSTM", {"own": None}, "upload a text file first, of 10 MB at most"),
        (
            "your own text, words",
            "LSTM",
            {"own": OwnText("a.txt", b"word")},
            "a.txt has too few words to learn from, 1: choose",
        ),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(corpus, model, changes, line):
    with pytest.raises(ValueError, match=rf"^{line}[^\n]*$"):
        replace(choice(corpus, model), **changes).factory()


SCRIPT = """
import json
for cell in json.load(open("cells.json")):
    names = {}
    exec(cell, names)
    print(json.dumps(names["losses"]))
"""


def test_runs_copied_as_code_give_the_same_losses_in_a_fresh_interpreter(tmp_path):
    """The text of one's own is read from the file of its name, which lies where the cell is run."""
    (tmp_path / OWN.name).write_text(OWN.text)
    cells, losses = [], []
    for corpus, model, stable_set in [
        ("lagged recall", "linear recurrence", "eigenvalue-disc"),
        ("your own text, characters", "LSTM", "wide-lstm"),
        ("renewal", "TCN", NO_SET),
    ]:
        run = choice(corpus, model, stable_set=usual(sets_of(model), stable_set)).run()
        for _ in range(4):
            run.step()
        wait_for(lambda run=run: run.step_count == 4 and run.state == "paused")
        cells.append(run.script())
        losses.append(run.history.loss)
        run.close()
    (tmp_path / "cells.json").write_text(json.dumps(cells))
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    assert found == losses
