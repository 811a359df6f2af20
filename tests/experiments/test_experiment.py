"""One concept behind every stored result: found, run, resumed, read; a new one costs one new file."""

import json
import re
import sys
from dataclasses import replace
from fnmatch import fnmatch

import pytest
import torch
from typer.testing import CliRunner

import lessons_lib.lessons
from lessons_lib.cli import WITH_EXPERIMENTS, app
from lessons_lib.corpora import DataUnavailable, download
from lessons_lib.experiments.catalogue import experiments_in
from lessons_lib.experiments.experiment import Experiment, grid, read
from lessons_lib.files import checkout, results_folder
from lessons_lib.models import seeded
from lessons_lib.wikitext2.experiment import STUDY, file_of

STORED = sorted(path.stem for path in results_folder().glob("*.json"))
FOUND = experiments_in(*(f"lessons_lib.{room}" for room in WITH_EXPERIMENTS))
GUEST = """
from lessons_lib.experiments.experiment import Experiment, grid


def square(k, seed):
    return {"k": k, "seed": seed, "value": k * k + seed}


SQUARES = Experiment("squares", "whole numbers, squared", grid(k=(2, 3), seed=(0, 1)), square, dict, {"power": 2})
"""


def counted(measured: list) -> Experiment:
    """A point for each case, which is written down when it is measured."""

    def measure(row, seed):
        measured.append((row, seed))
        return {"row": row, "seed": seed, "score": seed + 0.5}

    return Experiment("counted", "for tests", grid(row=("a", "b"), seed=(0, 1)), measure, dict, {"steps": 3})


@pytest.mark.parametrize("name", STORED)
def test_every_stored_file_is_read_by_one_reader_and_says_where_it_comes_from(name):
    result = read(name)
    assert result.points
    assert {"code", "libraries", "python", "machine"} <= result.provenance.keys()


@pytest.mark.parametrize("name", sorted(FOUND.keys() - {STUDY.name}))
def test_every_case_of_every_experiment_is_stored_under_the_config_it_has_now(name):
    experiment = FOUND[name]
    points = experiment.read().points
    assert all(isinstance(point, experiment.point) for point in points)
    assert experiment.missing() == [], "these cases are not stored, or its file has another config"


def test_what_belongs_to_no_experiment_is_a_search_or_a_training_of_the_study_or_names_its_script():
    theirs = {file_of(**case) for case in STUDY.known()}
    others = {name for name in STORED if name not in FOUND and not name.startswith("search-")} - theirs
    assert all((checkout() / read(name).config["command"]).is_file() for name in others)
    assert len(STUDY.read().points) + len(STUDY.missing()) == len(theirs)


def test_the_table_of_results_names_every_stored_file():
    text = (checkout() / "data" / "README.md").read_text(encoding="utf8")
    rows = re.findall(r"^\| (`.*?) \|", text.split("## `results/`")[1], re.M)
    named = [name for row in rows for name in re.findall(r"`([\w*-]+)`", row)]
    assert [one for one in STORED if not any(fnmatch(one, name) for name in named)] == []


def test_what_is_measured_is_written_at_once_and_not_measured_again(tmp_path):
    measured: list = []
    experiment = counted(measured)

    def killed(line):
        if len(measured) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        experiment.run(folder=tmp_path, tell=killed)
    assert len(experiment.read(tmp_path).points) == 2
    experiment.run(folder=tmp_path)
    assert measured == [("a", 0), ("a", 1), ("b", 0), ("b", 1)]
    assert [point["score"] for point in experiment.read(tmp_path).points] == [0.5, 1.5, 0.5, 1.5]


def test_another_config_begins_anew_and_a_summary_waits_for_the_last_point(tmp_path):
    experiment = counted([])
    experiment.run(folder=tmp_path)
    changed = replace(experiment, config={"steps": 4}, summary=lambda points: {"best": max(p["score"] for p in points)})
    changed.run(["row=b"], tmp_path)
    assert [point["row"] for point in changed.read(tmp_path).points] == ["b", "b"]
    assert changed.read(tmp_path).summary == {}
    changed.run(folder=tmp_path)
    assert changed.read(tmp_path).summary == {"best": 1.5}


def test_nothing_is_measured_where_its_data_are_not_to_be_had(tmp_path, monkeypatch):
    def refuse(file):
        raise DataUnavailable("not here")

    monkeypatch.setattr(download, "read", refuse)
    measured: list = []
    with pytest.raises(DataUnavailable):
        replace(counted(measured), data=download.WIKITEXT2).run(folder=tmp_path)
    assert measured == []


def test_entries_that_no_case_has_are_refused_with_the_keys_there_are(tmp_path):
    with pytest.raises(ValueError, match="has row=c: write key=value, with row, seed"):
        counted([]).run(["row=c"], tmp_path)


def test_two_experiments_may_not_share_a_file(guest):
    (guest / "other.py").write_text(GUEST)
    with pytest.raises(ValueError, match="two experiments are called squares"):
        experiments_in("lessons_lib.lessons")
    sys.modules.pop("lessons_lib.lessons.other")


def test_a_seed_leaves_the_global_generator_alone():
    before = torch.random.get_rng_state()
    with seeded(3):
        first = torch.rand(2)
    assert torch.equal(torch.random.get_rng_state(), before)
    with seeded(3):
        assert torch.equal(torch.rand(2), first)


def test_nothing_is_measured_where_the_results_cannot_be_written(tmp_path, monkeypatch):
    measured: list = []
    monkeypatch.setattr("lessons_lib.cli.experiments_in", lambda *_: {"counted": counted(measured)})
    file = tmp_path / "results"
    file.write_text("a file where a folder should be")
    answer = CliRunner().invoke(app, ["run", "counted", "--results", str(file)])
    assert (answer.exit_code, len(answer.output.splitlines())) == (2, 1)
    assert "add --results FOLDER" in answer.output
    assert measured == []


def test_filters_under_missing_skip_what_has_no_such_case_and_are_refused_where_they_choose_nothing(
    tmp_path, monkeypatch
):
    seeded_runs: list = []
    others: list = []
    without = Experiment("without", "no seeds", grid(k=(1, 2)), lambda k: others.append(k) or {"k": k}, dict)
    monkeypatch.setattr(
        "lessons_lib.cli.experiments_in", lambda *_: {"without": without, "counted": counted(seeded_runs)}
    )

    def lessons(*words):
        return CliRunner().invoke(app, ["run", *words, "--results", str(tmp_path)])

    assert lessons("--missing", "--seed", "0").exit_code == 0
    assert (seeded_runs, others) == ([("a", 0), ("b", 0)], [])
    for words, says in (
        (("--seed", "1"), "name an experiment, or add --missing"),
        (("--case", "k=1"), "name an experiment, or add --missing"),
        (("--missing", "--seed", "7"), "no case of any experiment has seed=7"),
    ):
        answer = lessons(*words)
        assert (answer.exit_code, len(answer.output.splitlines())) == (2, 1)
        assert says in answer.output
    assert (len(seeded_runs), others) == (2, [])


@pytest.fixture
def guest(tmp_path, monkeypatch):
    """A lesson's folder with one experiment in it, and nothing else changed."""
    folder = tmp_path / "lesson"
    folder.mkdir()
    (folder / "guest.py").write_text(GUEST)
    monkeypatch.setattr(lessons_lib.lessons, "__path__", [*lessons_lib.lessons.__path__, str(folder)])
    yield folder
    sys.modules.pop("lessons_lib.lessons.guest", None)


def test_a_guest_in_one_new_file_is_listed_runs_resumes_and_is_counted(guest, tmp_path, monkeypatch):
    results = tmp_path / "results"

    def lessons(*words):
        answer = CliRunner().invoke(app, [*words, "--results", str(results)])
        assert answer.exit_code == 0, answer.output
        return answer.output

    listed = lessons("run")
    assert "squares: whole numbers, squared; 4 missing" in listed
    assert "missing: lessons run squares --case k=3 --seed 1" in listed
    assert "squares: 3 missing" in lessons("run", "squares", "--case", "k=2", "--seed", "1")
    kept = json.loads((results / "squares.json").read_text())["points"]
    assert kept == [{"k": 2, "seed": 1, "value": 5}]
    whole = Experiment.missing
    for kind in (Experiment, type(STUDY)):  # the others would take hours
        monkeypatch.setattr(kind, "missing", lambda self, at=None: whole(self, at) if self.name == "squares" else [])
    assert "squares: 0 missing" in lessons("run", "--missing")
    again = read("squares", results).points
    assert again[0] == kept[0]
    assert sorted(point["value"] for point in again) == [4, 5, 9, 10]
