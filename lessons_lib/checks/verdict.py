"""What a check answers: one line, never an exception."""

from __future__ import annotations

from dataclasses import dataclass

NOT_ANSWERED = "Not answered yet."


@dataclass(frozen=True, repr=False)
class Verdict:
    """Passed or not, and one line that says why.  As the last value of a cell it shows that line."""

    passed: bool
    message: str

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        return self.message
