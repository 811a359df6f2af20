"""The study on the synthetic corpus: the same code as on WikiText-2, without a download."""

import itertools
import json
import multiprocessing
import random
import shlex
import signal
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import pytest
import torch
import typer
from typer.testing import CliRunner

from lessons_lib.cli import app
from lessons_lib.experiments.artefact import mean_and_range, read_artefact
from lessons_lib.experiments.certificate import CertificateError
from lessons_lib.stability import LSTMStableSet
from lessons_lib.training import load_checkpoint, save_checkpoint
from lessons_lib.wikitext2 import cost, experiment, table, training
from lessons_lib.wikitext2 import rows as configs
from lessons_lib.wikitext2.rows import PRESETS, ROWS, config_of
from lessons_lib.wikitext2.training import RowTraining, load_corpus, publish

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def corpus():
    return load_corpus("synthetic")


def training_of(corpus, folder, row="lstm-stable"):
    return RowTraining(row, "ci", config_of(row, "ci"), corpus, 0, CPU, folder)


def lessons(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def command(tmp_path, *more, row="lstm-stable"):
    folders = ("--checkpoints", tmp_path / "checkpoints", "--results", tmp_path / "results")
    return lessons(
        "study",
        "wikitext2",
        "--row",
        row,
        "--preset",
        "ci",
        "--corpus",
        "synthetic",
        *folders,
        "--device",
        "cpu",
        *more,
    )


@pytest.mark.parametrize("row", ROWS)
def test_every_row_trains_is_certified_and_published(tmp_path, row):
    answer = command(tmp_path, row=row)
    assert answer.exit_code == 0, answer.output
    artefact = read_artefact(tmp_path / "results" / f"synthetic-{row}-ci-seed0.json")
    assert artefact["config"] == config_of(row, "ci").to_json()
    assert [epoch["epoch"] for epoch in artefact["curve"]] == [1, 2]
    stable_set = config_of(row, "ci").build_set()
    assert artefact["certificate"]["set"] == stable_set.describe()
    if stable_set.certifies:
        assert artefact["certificate"]["contained"]
        assert artefact["certificate"]["rate"] < 1
    assert not list((tmp_path / "checkpoints").iterdir())


def test_every_preset_has_a_config_for_every_row_and_its_set_can_be_built():
    for preset in PRESETS:
        for row in ROWS:
            config_of(row, preset).build_set()


def train_in_a_process(folder, ready):
    torch.set_num_threads(1)
    study = training_of(load_corpus("synthetic"), folder)
    study.resume()
    for _ in study.train():
        study.save()
        ready.set()


@pytest.mark.slow
def test_killed_at_twenty_random_moments_it_ends_on_the_same_weights(corpus, tmp_path):
    methods = multiprocessing.get_all_start_methods()
    processes = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    if "forkserver" in methods:
        processes.set_forkserver_preload([__name__])
    timed, times = training_of(corpus, tmp_path / "timed"), []
    for _ in timed.train():
        timed.save()
        times.append(time.monotonic())
        if len(times) == 8:
            break
    step = statistics.median(b - a for a, b in itertools.pairwise(times[1:]))
    rng, steps = random.Random(0), []
    for _ in range(20):
        ready = processes.Event()
        worker = processes.Process(target=train_in_a_process, args=(tmp_path, ready))
        worker.start()
        assert ready.wait(60)  # a first step takes longer than the next ones: each process gets that far
        time.sleep(rng.uniform(0, 3 * step))  # short beside the training, long beside a step, on any machine
        worker.kill()
        worker.join()
        resumed = training_of(corpus, tmp_path)
        resumed.resume()
        steps.append(resumed.state.step)
    assert 0 < steps[-1] < resumed.steps, "the kills have to fall into the training"
    whole = training_of(corpus, tmp_path / "whole")
    for study in (resumed, whole):
        for _ in study.train():
            pass
    for ours, theirs in zip(resumed.state.model.parameters(), whole.state.model.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    assert resumed.curve == whole.curve


def then_interrupts(function, call=1, times=1):
    """The function, of which this call ends in so many Ctrl-C."""
    calls = itertools.count(1)

    def called(*args, **options):
        found = function(*args, **options)
        if next(calls) == call:
            for _ in range(times):
                signal.raise_signal(signal.SIGINT)
        return found

    return called


@pytest.mark.parametrize(("room", "name", "call"), [(LSTMStableSet, "project_", 5), (training, "perplexity", 1)])
def test_ctrl_c_inside_a_step_or_an_evaluation_changes_nothing_of_what_is_published(
    tmp_path, monkeypatch, room, name, call
):
    monkeypatch.setattr(room, name, then_interrupts(getattr(room, name), call))
    answer = command(tmp_path)
    assert answer.exit_code == 130, answer.output
    saved = training_of(load_corpus("synthetic"), tmp_path / "checkpoints")
    assert saved.resume()
    assert f"stopped; step {saved.state.step} of {saved.steps} is saved: add --resume" in answer.output
    for folder, more in ((tmp_path, ["--resume"]), (tmp_path / "whole", [])):
        assert command(folder, *more).exit_code == 0
    file = "results/synthetic-lstm-stable-ci-seed0.json"
    resumed, whole = (read_artefact(folder / file) for folder in (tmp_path, tmp_path / "whole"))
    assert resumed["curve"] == whole["curve"]
    assert resumed["test_perplexity"] == whole["test_perplexity"]


def test_a_second_ctrl_c_ends_a_step_at_once_and_saves_nothing(corpus, tmp_path, monkeypatch):
    study = training_of(corpus, tmp_path)
    monkeypatch.setattr(experiment, "SAME_PRESS", 0.0)
    monkeypatch.setattr(LSTMStableSet, "project_", then_interrupts(LSTMStableSet.project_, times=2))
    with pytest.raises(KeyboardInterrupt):
        experiment.finish(study)
    assert study.state.step == 0
    assert not study.checkpoint.exists()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_first_ctrl_c_says_at_once_what_it_does_and_one_forwarded_twice_is_the_same_press(
    corpus, tmp_path, monkeypatch, capfd
):
    study, pressed, said = training_of(corpus, tmp_path), then_interrupts(LSTMStableSet.project_, times=2), []

    def project_(*args, **options):
        found = pressed(*args, **options)
        said.append(capfd.readouterr().err)
        return found

    late: list = []  # a third, when the step has ended

    def sleep(seconds):
        late.append(seconds)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(experiment, "SAME_PRESS", 1e9)
    monkeypatch.setattr(experiment.time, "sleep", sleep)
    monkeypatch.setattr(LSTMStableSet, "project_", project_)
    with pytest.raises(KeyboardInterrupt):
        experiment.finish(study)
    assert "".join(said).count("stopping after this step; press Ctrl-C again") == 1
    assert len(late) == 1
    assert study.checkpoint.exists()


def test_after_a_second_ctrl_c_the_command_names_the_step_that_was_saved_or_says_that_none_was(
    corpus, tmp_path, monkeypatch
):
    monkeypatch.setattr(experiment, "SAME_PRESS", 0.0)
    for resume, said in (((), "stopped; nothing was saved"), (("--resume",), "stopped; step 2 of ")):
        if resume:
            begun = training_of(corpus, tmp_path / "checkpoints")
            for _ in itertools.islice(begun.train(), 2):
                pass
            begun.save()
        with monkeypatch.context() as patched:
            patched.setattr(LSTMStableSet, "project_", then_interrupts(LSTMStableSet.project_, call=4, times=2))
            answer = command(tmp_path, *resume)
        assert answer.exit_code == 130, answer.output
        assert answer.output.splitlines()[-1].startswith(said)


def test_a_training_is_finished_outside_the_main_thread_too(corpus, tmp_path):
    study = training_of(corpus, tmp_path)
    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(experiment.finish, study, tmp_path / "results").result().exists()


def test_an_epoch_that_was_saved_before_its_evaluation_is_evaluated_when_resumed(corpus, tmp_path, monkeypatch):
    stopped, whole = training_of(corpus, tmp_path), training_of(corpus, tmp_path / "whole")
    monkeypatch.setattr(stopped, "_end_epoch", stopped.save)
    for _ in itertools.islice(stopped.train(), len(stopped.state.stream)):
        pass
    resumed = training_of(corpus, tmp_path)
    resumed.resume()
    for study in (resumed, whole):
        for _ in study.train():
            pass
    assert resumed.curve == whole.curve


def test_a_row_whose_certificate_fails_is_not_published(corpus, tmp_path):
    study = training_of(corpus, tmp_path, "rnn-stable")
    for _ in study.train():
        pass
    torch.nn.init.orthogonal_(study.state.model.core.cells[0].weight_hh_l0, gain=2.0)
    with pytest.raises(CertificateError, match="not published"):
        publish(study, tmp_path)
    assert not list(tmp_path.glob("*.json"))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--row", "gru-stable"], "choose one of rnn-unstable"),
        (["--row", "rnn-stable", "--preset", "tiny"], "choose one of paper"),
        (["--row", "rnn-stable", "--preset", "ci", "--corpus", "ptb"], "wikitext2 or synthetic"),
        (["--row", "rnn-stable", "--preset", "ci", "--corpus", "synthetic", "--device", "abacus"], "abacus"),
    ],
)
def test_bad_input_is_one_clear_line_and_a_failing_exit_code(words, says):
    answer = lessons("study", "wikitext2", *words)
    assert answer.exit_code == 2
    assert says in answer.output
    assert len(answer.output.splitlines()) == 1


def test_absent_data_is_one_clear_line(tmp_path, monkeypatch):
    monkeypatch.setenv("LESSONS_DATA_DIR", "")
    monkeypatch.setenv("LESSONS_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr("lessons_lib.corpora.download.WIKITEXT2", {})
    monkeypatch.setattr("lessons_lib.wikitext2.training.wikitext2", _absent)
    folders = ("--checkpoints", tmp_path / "checkpoints", "--results", tmp_path / "results")
    answer = lessons("study", "wikitext2", "--row", "rnn-stable", "--preset", "ci", *folders)
    assert (answer.exit_code, len(answer.output.splitlines())) == (2, 1)
    assert "WikiText-2 is not here" in answer.output


def _absent():
    from lessons_lib.corpora import DataUnavailable

    raise DataUnavailable("WikiText-2 is not here")


def test_a_corrupt_checkpoint_and_a_changed_config_are_refused_and_kept(corpus, tmp_path):
    study = training_of(corpus, tmp_path / "checkpoints")
    study.save()
    study.checkpoint.write_bytes(study.checkpoint.read_bytes()[:100])
    answer = command(tmp_path, "--resume")
    assert (answer.exit_code, len(answer.output.splitlines())) == (2, 1)
    assert "not a readable checkpoint" in answer.output
    save_checkpoint(
        study.checkpoint,
        study.state,
        study.settings,
        config=study.config.to_json() | {"epochs": 9},
        curve=[],
        seconds=0,
    )
    answer = command(tmp_path, "--resume")
    assert (answer.exit_code, len(answer.output.splitlines())) == (2, 1)
    assert "another config (epochs differ)" in answer.output
    load_checkpoint(study.checkpoint, study.state)


def test_a_checkpoint_is_never_overwritten_or_deleted_without_being_asked(corpus, tmp_path):
    waiting = training_of(corpus, tmp_path / "checkpoints")
    waiting.save()
    kept = waiting.checkpoint.read_bytes()
    for more, said in (
        ((), "add --resume to go on from it, or --afresh"),
        (("--resume", "--afresh"), "one of the two"),
    ):
        answer = command(tmp_path, *more)
        assert (answer.exit_code, len(answer.output.splitlines())) == (2, 1)
        assert said in answer.output
        assert waiting.checkpoint.read_bytes() == kept


def test_afresh_deletes_the_checkpoint_and_trains_from_the_first_step(corpus, tmp_path):
    begun = training_of(corpus, tmp_path / "checkpoints")
    begun.curve.append({"epoch": 0, "train_loss": 0.0, "valid_perplexity": 0.0})  # not of this training
    begun.save()
    answer = command(tmp_path, "--afresh")
    assert answer.exit_code == 0, answer.output
    artefact = read_artefact(tmp_path / "results" / f"{begun.name}.json")
    assert [epoch["epoch"] for epoch in artefact["curve"]] == [1, 2]
    assert not begun.checkpoint.exists()


def test_the_command_line_keeps_checkpoints_in_the_chosen_cache(corpus, tmp_path, monkeypatch):
    monkeypatch.setenv("LESSONS_CACHE_DIR", str(tmp_path))
    waiting = training_of(corpus, tmp_path / "checkpoints")
    waiting.save()
    answer = lessons("study", "wikitext2", "--row", "lstm-stable", "--preset", "ci", "--corpus", "synthetic")
    assert answer.exit_code == 2
    assert str(waiting.checkpoint) in answer.output


def test_results_that_cannot_be_written_are_refused_before_the_training_and_before_a_checkpoint_is_deleted(
    corpus, tmp_path
):
    waiting = training_of(corpus, tmp_path / "checkpoints")
    waiting.save()
    (tmp_path / "results").write_text("a file where a folder should be")
    answer = command(tmp_path, "--afresh")
    assert (answer.exit_code, len(answer.output.splitlines())) == (2, 1)
    assert "add --results FOLDER" in answer.output
    assert waiting.checkpoint.exists()


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path):
    (tmp_path / "checkpoints").write_text("a file where a folder should be")
    answer = command(tmp_path)
    assert answer.exit_code == 2
    assert "lessons: " in answer.output.splitlines()[-1]


def test_a_killed_training_of_the_study_goes_on_through_lessons_run_and_has_a_file_of_its_own(tmp_path, monkeypatch):
    case = {"row": "rnn-stable", "bound": 0.5, "seed": 0, "preset": "ci"}
    small = partial(experiment.row_training, corpus="synthetic", device="cpu", checkpoints=tmp_path / "c")
    monkeypatch.setattr(experiment, "row_training", small)
    monkeypatch.setattr(
        experiment, "file_of", lambda row, seed, bound, preset: f"synthetic-{row}@{bound}-{preset}-seed{seed}"
    )
    killed = small(**case)
    next(killed.train())
    killed.save()
    study = replace(experiment.STUDY, cases=[case], data={})
    assert study.missing(tmp_path) == [case]
    study.run(["row=rnn-stable"], tmp_path)
    assert study.missing(tmp_path) == []
    assert not killed.checkpoint.exists()
    (point,) = study.read(tmp_path).points
    assert point["row"] == "rnn-stable@0.5"
    assert point["certificate"]["contained"]


def test_the_table_says_what_is_missing(tmp_path):
    command(tmp_path, row="rnn-stable")
    answer = lessons("table", "--preset", "ci", "--corpus", "synthetic", "--results", tmp_path / "results")
    assert "| rnn-stable | 0 |" in answer.output
    assert "missing: lessons study wikitext2 --row rnn-stable --preset ci --seed 1 --corpus synthetic" in answer.output
    assert "| rnn-unstable | none yet |" in answer.output
    rows = table.read_table("ci", "synthetic", tmp_path / "results")
    assert [row.row for row in rows] == list(ROWS)


@pytest.mark.parametrize("corpus", ["synthetic", "wikitext2"])
def test_a_command_for_what_is_missing_trains_on_the_corpus_that_was_asked_for(tmp_path, corpus):
    """Followed, it makes the very file that is missing: read by the command line itself."""
    commands = table.missing(table.read_table("ci", corpus, tmp_path), corpus) + cost.missing("ci", corpus, tmp_path)
    study = typer.main.get_command(app).commands["study"].commands["wikitext2"]
    for words in commands:
        options = study.make_context("wikitext2", shlex.split(words)[3:]).params
        assert options["corpus"] == corpus, words


def test_fewer_threads_than_one_are_refused(tmp_path):
    answer = command(tmp_path, "--threads", "0")
    assert answer.exit_code == 2
    assert "--threads" in answer.output


def test_the_price_of_stability_is_a_ratio_of_means_and_says_whether_the_ranges_meet():
    def row(name, *perplexities):
        return table.TableRow(name, "laptop", {seed: {"test_perplexity": v} for seed, v in enumerate(perplexities)})

    free = row("lstm-unstable", 90.0, 110.0)
    assert (
        table.price(row("lstm-stable", 120.0), free) == "lstm-stable: +20.0 % (seeds: 1 and 2; one seed has no range)"
    )
    assert table.price(row("lstm-stable", 112.0, 118.0), free).endswith(
        "+15.0 % (seeds: 2 and 2; the ranges lie apart)"
    )
    assert table.price(row("lstm-stable", 80.0, 95.0), free).endswith("-12.5 % (seeds: 2 and 2; the ranges overlap)")
    assert table.price(row("lstm-stable"), free) is None


def test_every_published_artefact_has_the_frozen_config_of_its_row():
    for preset in PRESETS:
        for row in table.read_table(preset):
            frozen = json.loads(json.dumps(config_of(row.row, preset).to_json()))
            for seed, artefact in row.artefacts.items():
                assert artefact["config"] == frozen, f"{row.row}, {preset}, seed {seed}: train it again"


def test_an_artefact_of_another_schema_is_refused(tmp_path):
    path = tmp_path / "synthetic-rnn-stable-ci-seed0.json"
    path.write_text(json.dumps({"schema": 0}))
    with pytest.raises(ValueError, match="another schema"):
        read_artefact(path)


def test_mean_and_range_show_the_spread():
    assert mean_and_range([97.0, 99.0, 98.0]) == "98.0 (97.0-99.0)"
    assert mean_and_range([97.0]) == "97.0"
    assert mean_and_range([]) == "-"


def test_the_published_config_of_a_row_is_frozen():
    assert config_of("lstm-stable", "paper").input_clip == 0.75
    with pytest.raises(AttributeError):
        configs.config_of("lstm-stable", "paper").width = 3
