"""One line of the doctor's."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Diagnosis:
    """What was found of one thing.

    Attributes:
        subject: what was examined, in a word or two.
        ok: whether a run can do with it.
        found: what was found.
        remedy: what to do; empty where nothing is to be done.
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
    """Nothing stands in the way of a run."""
    return Diagnosis(subject, ok=True, found=found, remedy=remedy)


def bad(subject: str, found: str, remedy: str) -> Diagnosis:
    """A run would fail, or none would be started, or nobody would hear of it."""
    return Diagnosis(subject, ok=False, found=found, remedy=remedy)
