"""One line of the doctor's output."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Diagnosis:
    """What was found about one thing.

    Attributes:
        subject: what was examined, in a word or two.
        ok: whether a run can work with it.
        found: what was found.
        remedy: what to do; empty if nothing.
    """

    subject: str
    ok: bool
    found: str
    remedy: str = ""

    def __str__(self) -> str:
        """The line that is printed."""
        line = f"{'ok' if self.ok else 'FAIL':4}  {self.subject:12}  {self.found}"
        return f"{line}; {self.remedy}" if self.remedy else line


def good(subject: str, found: str, remedy: str = "") -> Diagnosis:
    """Nothing here prevents a run."""
    return Diagnosis(subject, ok=True, found=found, remedy=remedy)


def bad(subject: str, found: str, remedy: str) -> Diagnosis:
    """A run would fail, or would not be started, or nobody would be notified."""
    return Diagnosis(subject, ok=False, found=found, remedy=remedy)
