import pytest
import torch

from lessons_lib.training import default_device


def test_the_environment_overrides_and_an_argument_overrides_the_environment(monkeypatch):
    monkeypatch.setenv("LESSONS_DEVICE", "meta")
    assert default_device() == torch.device("meta")
    assert default_device("cpu") == torch.device("cpu")
    monkeypatch.delenv("LESSONS_DEVICE")
    assert default_device().type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize("name", ["abacus", "cuda:99"])
def test_a_device_that_is_not_here_is_refused_in_one_line(monkeypatch, name):
    monkeypatch.setenv("LESSONS_DEVICE", name)
    with pytest.raises(ValueError, match="try cpu or cuda"):
        default_device()
