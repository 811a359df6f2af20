"""A study of many points keeps what it has measured, and nothing that was measured otherwise."""

from lessons_lib.experiments.artefact import read_artefact
from lessons_lib.experiments.gather import gather

JOBS = [{"row": row, "seed": seed} for row in ("a", "b") for seed in (0, 1)]


def test_what_is_measured_is_written_at_once_and_not_measured_again(tmp_path):
    path, measured = tmp_path / "study.json", []

    def measure(row, seed):
        if (row, seed) == ("b", 0) and len(measured) < 3:
            measured.append("killed")
            raise KeyboardInterrupt
        measured.append((row, seed))
        return {"row": row, "seed": seed, "score": seed + 0.5}

    content = {"study": "s", "config": {"steps": 3}}
    try:
        gather(path, content, JOBS, measure)
    except KeyboardInterrupt:
        assert len(read_artefact(path)["points"]) == 2
    points = gather(path, content, JOBS, measure)
    assert measured == [("a", 0), ("a", 1), "killed", ("b", 0), ("b", 1)]
    assert read_artefact(path)["points"] == points
    assert len(points) == 4


def test_another_config_begins_anew(tmp_path):
    path = tmp_path / "study.json"
    gather(path, {"config": 1}, JOBS, lambda **job: {**job, "score": 1})
    assert [p["score"] for p in gather(path, {"config": 2}, JOBS[:1], lambda **job: {**job, "score": 2})] == [2]
