"""The doctor finds what is wrong with a machine, says what to do, and gives away no folder of it."""

from importlib import metadata
from pathlib import Path

import pytest

from lessons_lib.lessons.lesson_00.doctor import Row, doctor, worst
from lessons_lib.lessons.lesson_00.panel import MachineTable, SelfTest


def row(name):
    return next(row for row in doctor() if row.name.startswith(name))


@pytest.fixture
def empty_machine(tmp_path, monkeypatch):
    """No data, and a cache that can be written."""
    monkeypatch.delenv("LESSONS_DATA_DIR", raising=False)
    monkeypatch.setenv("LESSONS_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path


def test_a_machine_that_runs_these_tests_has_nothing_to_fix(empty_machine):
    assert worst(doctor()) in ("green", "amber")


def test_everything_that_is_not_green_says_what_to_do(empty_machine, monkeypatch):
    monkeypatch.setenv("LESSONS_DEVICE", "abacus")
    monkeypatch.setenv("LESSONS_BUDGET", "huge")
    rows = doctor()
    assert worst(rows) == "red"
    assert {r.name for r in rows if r.state == "red"} == {"Device", "Budget"}
    assert all(r.remedy for r in rows if r.state != "green")


def test_missing_data_is_a_note_and_wrong_data_is_to_be_fixed(empty_machine, monkeypatch):
    assert row("WikiText-2").state == "amber"
    assert "lessons use an embedded language instead" in row("WikiText-2").detail
    (empty_machine / "jsb-chorales").mkdir()
    (empty_machine / "jsb-chorales" / "JSB_Chorales.mat").write_bytes(b"no music")
    monkeypatch.setenv("LESSONS_DATA_DIR", str(empty_machine))
    assert row("JSB").state == "red"
    assert "8 bytes instead of 96095" in row("JSB").detail


def test_a_missing_or_old_package_is_to_be_fixed(monkeypatch):
    real = metadata.version

    def version(package):
        if package == "anywidget":
            raise metadata.PackageNotFoundError(package)
        return "5.24.1" if package == "plotly" else real(package)

    monkeypatch.setattr(metadata, "version", version)
    monkeypatch.setattr(metadata, "requires", lambda _: ['plotly>=7.0; extra == "lab"'])
    assert row("Live plot widget") == Row(
        "Live plot widget",
        "red",
        "anywidget is not installed",
        "pip install 'lessons-lib[lab]', then restart the kernel",
    )
    assert row("Live plot drawing").detail == "plotly 5.24.1; the course needs 7.0 or newer"


def test_a_cache_that_cannot_be_written_is_a_note(tmp_path, monkeypatch):
    def refuse(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setenv("LESSONS_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    assert row("Cache").state == "amber"
    assert "Permission denied" in row("Cache").detail


def test_no_row_names_a_folder_in_full(monkeypatch, tmp_path):
    for variable in ("LESSONS_CACHE_DIR", "LESSONS_DATA_DIR"):
        monkeypatch.setenv(variable, str(tmp_path))
        text = "\n".join(f"{r.detail} {r.remedy}" for r in doctor())
        assert str(tmp_path) not in text
        monkeypatch.delenv(variable)
    text = "\n".join(f"{r.detail} {r.remedy}" for r in doctor())
    assert str(Path.home()) not in text
    assert str(Path(__file__).parents[2]) not in text


def test_the_table_says_each_state_in_words_and_escapes_what_it_shows():
    table = MachineTable([Row("A", "green", "<ok>"), Row("B", "red", "gone", "bring it back")])
    html = table._repr_html_()
    assert "&lt;ok&gt;" in html
    assert "✓ fine" in html
    assert "✗ fix" in html
    assert html.count('scope="row"') == 2
    assert html.count('scope="col"') == 4
    assert repr(table).splitlines() == ["fine  A: <ok>", "fix   B: gone  ->  bring it back"]


def test_the_self_test_follows_the_slider_and_hears_the_browser():
    test = SelfTest()
    assert "Waiting for the browser" in test.status.value
    test.slider.value = 5
    assert "The slider is heard: 5." in test.status.value
    wave = test.plot.curves["wave"]
    assert sum(a <= 0 < b for a, b in zip(wave.y, wave.y[1:], strict=False)) == 5
    test.plot._msg_callbacks(test.plot, {"op": "drawn", "frame": 1}, [])
    assert "The live plot was drawn." in test.status.value
