"""Handing out and grading: a right answer has its point, and a hostile notebook costs nobody else anything."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from typer.testing import CliRunner

from grading import sandbox
from grading.assignment import fill, is_executed, source
from grading.build import LARGEST_NOTEBOOK, Grade, application, assign, grade, write_grades
from notebooks.build import answers, exercise_tags, lessons, with_answers

ROOT = Path(__file__).parents[2]
LESSON = next(path for path in lessons() if path.stem.startswith("04"))
MISTAKES = {  # one named mistake for each exercise of lesson 04, and what its check must say
    "exercise:04-1": (
        "def chunked_step(model, inputs, targets, state, k):\n"
        "    for first in range(0, inputs.shape[1], k):\n"
        "        chunk = slice(first, min(first + k, inputs.shape[1]))\n"
        "        features, state = model(inputs[:, chunk], state.detach())\n"
        "        model.loss(features, targets[:, chunk]).backward()\n"
        "    return state",
        "weigh it by the chunk's share",
    ),
    "exercise:04-2": (
        "def delay_line(n):\n    return torch.diag(torch.ones(n - 1), 1)",
        "one place towards the first",
    ),
    "exercise:04-3": ("def chunked_reach(t, k):\n    return range(t - k + 1, t + 1)", "exact truncation"),
}
SHORT = sandbox.Limits(cell_seconds=3, seconds=60, megabytes=600)
SMALL = sandbox.Limits(megabytes=600)


@pytest.fixture(scope="module")
def command() -> list[str]:
    """The sandbox; tests that need it are skipped where there is none, unless LESSONS_REQUIRE_SANDBOX is set."""
    try:
        return sandbox.bubblewrap(SHORT.megabytes)
    except RuntimeError as error:
        if os.environ.get("LESSONS_REQUIRE_SANDBOX"):
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Path:
    """A course with lesson 04 handed out."""
    folder = tmp_path_factory.mktemp("course")
    assign(LESSON, folder)
    return folder


def handed_out(course: Path) -> nbformat.NotebookNode:
    return nbformat.read(course / "release" / "04" / LESSON.name, as_version=4)


def hand_in(course: Path, student: str, notebook: nbformat.NotebookNode | str) -> None:
    folder = course / "submitted" / student / "04"
    folder.mkdir(parents=True)
    text = notebook if isinstance(notebook, str) else nbformat.writes(notebook)
    (folder / LESSON.name).write_text(text, encoding="utf8")


def cell_of(notebook: nbformat.NotebookNode, name: str) -> nbformat.NotebookNode:
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == name)


@pytest.mark.parametrize("path", lessons(), ids=lambda path: path.stem)
def test_every_lesson_is_an_assignment_whose_answers_need_nothing_but_the_set_up(path):
    """What is executed to grade stands alone: set-up, answers and checks, in a fresh namespace, without a kernel."""
    lesson = nbformat.read(path, as_version=4)
    filled = with_answers(source(lesson), answers(path.parent / "solutions" / f"{path.stem}.py"))
    executed = [cell for cell in filled.cells if is_executed(cell)]
    graded = [cell for cell in executed if cell.metadata.nbgrader.grade]
    assert len(graded) == len(exercise_tags(lesson))
    namespace = {"__name__": "__main__", "display": lambda *shown: None}
    for cell in executed:
        exec(compile(cell.source, path.name, "exec"), namespace)  # a check that fails raises


def test_the_student_s_copy_holds_no_answer_no_output_and_no_assertion(course):
    copy = handed_out(course)
    text = nbformat.writes(copy)
    assert "HIDDEN" not in text
    assert "assert verdict" not in text
    assert not any(cell.get("outputs") for cell in copy.cells)
    for tag, answer in answers(LESSON.parent / "solutions" / f"{LESSON.stem}.py").items():
        (asked,) = [cell.source for cell in copy.cells if tag in cell.metadata.get("tags", [])]
        (original,) = [c.source for c in nbformat.read(LESSON, as_version=4).cells if tag in c.metadata.get("tags", [])]
        assert asked == original, "the lesson's own blanks"
        assert answer not in text
    played_with = [cell for cell in copy.cells if cell.cell_type == "code" and not is_executed(cell)]
    assert played_with
    assert all(cell.metadata.get("editable", True) for cell in played_with), "a student may change the experiments"


def test_three_submissions_and_a_tampered_one_are_graded(course, command, tmp_path):
    """All right, blank, a named mistake in each exercise; and one who deletes checks and raises its own points."""
    right = answers(LESSON.parent / "solutions" / f"{LESSON.stem}.py")
    hand_in(course, "right", with_answers(handed_out(course), right))
    hand_in(course, "blank", handed_out(course))
    hand_in(course, "mistaken", with_answers(handed_out(course), {tag: code for tag, (code, _) in MISTAKES.items()}))
    tampered = with_answers(handed_out(course), right | {"exercise:04-2": "import os; os._exit(0)"})
    cell_of(tampered, "check-04-1").metadata.nbgrader["points"] = 100
    tampered.cells.remove(cell_of(tampered, "check-04-2"))
    cell_of(tampered, "check-04-3").source = "1"
    hand_in(course, "tampered", tampered)
    hand_in(course, "unreadable", "no notebook")
    hand_in(course, "huge", "[" * (LARGEST_NOTEBOOK + 1))
    (course / "submitted" / "forgot" / "04").mkdir(parents=True)

    grades = {one.student: one for one in grade("04", course, command)}
    points = {student: list(one.points.values()) for student, one in grades.items()}
    nothing = [0.0, 0.0, 0.0]
    assert points.pop("right") == [1.0, 1.0, 1.0]
    assert points.pop("tampered") == [1.0, 0.0, 0.0]
    assert points == dict.fromkeys(("blank", "mistaken", "unreadable", "huge", "forgot"), nothing)
    assert grades["right"].note == grades["blank"].note == ""
    assert grades["tampered"].note == "Not reached: a cell ended the kernel."
    assert grades["unreadable"].note.startswith("not a notebook")
    assert grades["huge"].note.startswith("larger than")
    assert grades["forgot"].note.startswith("no file")

    marked = nbformat.read(course / "autograded" / "mistaken" / "04" / LESSON.name, as_version=4)
    for tag, (_, line) in MISTAKES.items():
        check = cell_of(marked, tag.replace("exercise:", "check-"))
        assert line in check.outputs[0].text, "the student reads what is wrong"
    write_grades(list(grades.values()), tmp_path / "grades.csv", ["04"])
    assert (tmp_path / "grades.csv").read_text().count("\nright,") == 0
    assert len((tmp_path / "grades.csv").read_text().splitlines()) == 1 + 3 * len(grades)


def test_a_broken_file_has_no_points_even_where_an_earlier_one_had(command, tmp_path):
    assign(LESSON, tmp_path)
    right = answers(LESSON.parent / "solutions" / f"{LESSON.stem}.py")
    hand_in(tmp_path, "student", with_answers(handed_out(tmp_path), right))
    (first,) = grade("04", tmp_path, command)
    assert (list(first.points.values()), first.note) == ([1.0, 1.0, 1.0], "")
    (tmp_path / "submitted" / "student" / "04" / LESSON.name).write_text("no notebook")
    (second,) = grade("04", tmp_path, command)
    assert list(second.points.values()) == [0.0, 0.0, 0.0]
    assert second.note.startswith("not a notebook")


def test_what_a_teacher_changed_in_the_source_stays_is_handed_out_and_counts(command, tmp_path):
    def hand_out() -> str:
        answer = CliRunner().invoke(application, ["assignment", "04", "--course", str(tmp_path)])
        assert answer.exit_code == 0, answer.output
        return answer.output

    path = tmp_path / "source" / "04" / LESSON.name
    for _ in range(2):
        assert "delete that file" not in hand_out(), "the source is the lesson's"
    weighed = nbformat.read(path, as_version=4)
    cell_of(weighed, "check-04-1").metadata.nbgrader["points"] = 5
    nbformat.write(weighed, path)
    assert f"made from {path}, which is not the lesson as it is now: delete that file" in hand_out()
    assert nbformat.read(path, as_version=4) == weighed
    right = answers(LESSON.parent / "solutions" / f"{LESSON.stem}.py")
    hand_in(tmp_path, "student", with_answers(handed_out(tmp_path), right))
    (one,) = grade("04", tmp_path, command)
    assert one.points == {"check-04-1": 5.0, "check-04-2": 1.0, "check-04-3": 1.0}


def test_grading_one_assignment_again_keeps_the_lines_of_the_others(tmp_path):
    file = tmp_path / "grades.csv"
    write_grades(
        [Grade("04", "ada", {"check-04-1": 1.0}, "a note, with a comma"), Grade("05", "ada", {"c": 0.0})],
        file,
        ["04", "05"],
    )
    write_grades([Grade("05", "ada", {"c": 1.0}), Grade("05", "emmy", {"c": 0.5})], file, ["05"])
    assert file.read_text().splitlines() == [
        "assignment,student,check,points,note",
        '04,ada,check-04-1,1.0,"a note, with a comma"',
        "05,ada,c,1.0,",
        "05,emmy,c,0.5,",
    ]


def graded_again(course: Path):
    (course / "source" / "04").mkdir(parents=True, exist_ok=True)
    return CliRunner().invoke(application, ["grade", "04", "--unprotected", "--course", str(course)])


def test_a_withdrawn_submission_has_no_lines_and_a_blank_line_costs_nobody_anything(tmp_path):
    file = tmp_path / "grades.csv"
    file.write_text("assignment,student,check,points,note\n04,ada,c,1.0,\n\n05,ada,c,1.0,\n", encoding="utf8")
    answer = graded_again(tmp_path)
    assert answer.exit_code == 0, answer.output
    assert file.read_text(encoding="utf8").splitlines() == [
        "assignment,student,check,points,note",
        "05,ada,c,1.0,",
    ]


@pytest.mark.parametrize(
    "content", [b"assignment;student;check;points;note\n", b"assignment,student,check,points,note\n04,Zo\xeb\n", b""]
)
def test_grades_that_another_program_saved_are_refused_before_the_grading_and_stay(tmp_path, monkeypatch, content):
    graded: list = []
    monkeypatch.setattr("grading.build.grade", lambda *asked: graded.append(asked) or [])
    (tmp_path / "grades.csv").write_bytes(content)
    answer = graded_again(tmp_path)
    assert answer.exit_code == 1
    assert "was saved by another program: move it away" in answer.output
    assert (tmp_path / "grades.csv").read_bytes() == content
    assert graded == []


def text(outputs) -> str:
    return "".join(output.get("text", "") + output.get("evalue", "") for output in outputs)


def test_a_hostile_cell_is_stopped_and_the_cells_before_it_count(command):
    stubborn = "while True:\n    try:\n        while True: pass\n    except BaseException: pass"
    for hostile, why in (
        ("while True: pass", "a cell took longer than 3 s"),
        (stubborn, "a cell took longer than 3 s"),
        ("import os; os._exit(0)", "a cell ended the kernel"),
        ("import os, signal; os.kill(os.getppid(), signal.SIGKILL)", "it ended the process that executed it"),
    ):
        done = sandbox.run(["print('before')", hostile, "print('after')"], SHORT, command)
        assert done.stopped == why, hostile
        assert [text(outputs) for outputs in done.outputs] in ([], ["before\n"])


def test_memory_files_output_and_processes_are_limited(command):
    greedy = [
        "blocks = [bytearray(10**8) for _ in range(40)]",
        "with open('large', 'wb') as file:\n    for _ in range(40): file.write(bytes(10**8))",
        "for _ in range(40): print('x' * 10**6)",
        "import subprocess\nsleepers = [subprocess.Popen(['sleep', '4321']) for _ in range(1000)]",
    ]
    done = sandbox.run([*greedy[:3], "print('still here')", greedy[3]], SMALL, command)
    assert "MemoryError" in str(done.outputs[0])
    assert "OSError" in str(done.outputs[1])
    assert len(str(done.outputs[2])) < 2_000_000
    assert text(done.outputs[3]) == "", "the room for output is used up"
    left = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert "sleep 4321" not in left, "what a notebook started ends with it"


def test_nothing_of_the_teacher_s_can_be_read_deleted_or_reached(command, tmp_path, monkeypatch):
    secret = tmp_path / "gradebook.db"
    secret.write_text("secret of the teacher")
    monkeypatch.setenv("TEACHERS_TOKEN", "secret of the teacher")
    library = ROOT / "lessons_lib" / "__init__.py"
    before = library.read_bytes()
    cells = [
        "import os, shutil, socket, subprocess; print(dict(os.environ))",
        f"print(os.path.exists({str(secret)!r}), os.path.exists({str(ROOT / 'notebooks')!r}))",
        "print([name for name in ('/home', '/etc/passwd', '/etc/shadow', '/var') if os.path.exists(name)])",
        f"shutil.rmtree({str(ROOT)!r}, ignore_errors=True)\nshutil.rmtree(os.path.expanduser('~'), ignore_errors=True)",
        f"open({str(library)!r}, 'a')",
        "socket.create_connection(('192.0.2.1', 80), timeout=2)",
        "print([name for name in os.listdir('/proc') if name.isdigit()])",
    ]
    done = sandbox.run(cells, SMALL, command)
    assert done.stopped is None
    shown = [text(outputs) for outputs in done.outputs]
    assert "secret of the teacher" not in "".join(shown)
    assert "TEACHERS_TOKEN" not in shown[0]
    assert shown[1] == "False False\n"
    assert shown[2] == "[]\n"
    assert "Read-only" in shown[4] or "Permission" in shown[4]
    assert "unreachable" in shown[5]
    assert len(json.loads(shown[6].replace("'", '"'))) < 10, "only its own processes"
    assert secret.read_text() == "secret of the teacher"
    assert library.read_bytes() == before


def test_a_stranger_s_answer_is_believed_only_in_its_form():
    read = sandbox._read
    good = {"outputs": [[nbformat.v4.new_output("stream", text="fine")]], "stopped": None}
    assert read(json.dumps(good).encode(), 1).stopped is None
    for forged in (
        b"",
        b"[]",
        b'{"outputs": [[{"output_type": "invented"}]], "stopped": null}',
        b'{"outputs": [7], "stopped": null}',
        b'{"outputs": [], "stopped": null}',
        b'{"outputs": [[], [], []], "stopped": null}',
        b'{"outputs": [], "stopped": 7}',
        b" " * (sandbox.MOST_ANSWER + 1),
    ):
        assert read(forged, 1).stopped, forged[:60]
        assert not read(forged, 1).outputs


def test_a_check_that_was_not_reached_has_failed():
    """nbgrader gives all points to a grade cell without output."""
    from nbgrader.utils import determine_grade

    notebook = source(nbformat.read(LESSON, as_version=4))
    cells = [cell for cell in notebook.cells if is_executed(cell)]
    fill(cells, sandbox.Executed([[]], "it ended"))
    assert [determine_grade(cell)[0] for cell in cells if cell.metadata.nbgrader.grade] == [0, 0, 0]


@pytest.mark.skipif(sys.platform == "win32", reason="limits and process groups are POSIX")
def test_without_a_sandbox_limits_and_an_empty_environment_remain(monkeypatch):
    monkeypatch.setenv("TEACHERS_TOKEN", "secret of the teacher")
    done = sandbox.run(["import os; print(sorted(os.environ), os.listdir())", "while True: pass"], SHORT)
    assert "TEACHERS_TOKEN" not in text(done.outputs[0])
    assert done.stopped == "a cell took longer than 3 s"


def test_without_bubblewrap_grading_refuses_in_one_line(tmp_path):
    (tmp_path / "source" / "04").mkdir(parents=True)
    program = [sys.executable, str(ROOT / "grading" / "build.py"), "grade", "04", "--course", str(tmp_path)]
    only_alembic = os.environ | {"PATH": str(tmp_path)}
    refused = subprocess.run(program, env=only_alembic, capture_output=True, text=True, check=False)
    assert refused.returncode
    assert re.fullmatch(r"[^\n]*bubblewrap is not installed[^\n]*\n", refused.stderr)


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a shell script")
def test_where_the_system_forbids_bubblewrap_grading_says_in_one_line_how_to_allow_it(tmp_path, monkeypatch):
    forbidden = tmp_path / "bwrap"
    forbidden.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n")
    forbidden.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match=r"\A.*Permission denied.*sudo sysctl -w .*userns=0\Z"):
        sandbox.bubblewrap(600)


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
def test_make_hands_out_and_grades():
    """The two commands of the guide call what exists."""
    make = str(shutil.which("make"))
    for target in ("assignment", "grade"):
        told = subprocess.run([make, "-n", target, "NB=04"], cwd=ROOT, capture_output=True, text=True, check=True)
        assert f'grading/build.py {target} "04"' in told.stdout
