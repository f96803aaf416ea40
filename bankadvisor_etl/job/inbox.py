"""The child's answers, in the order in which the run needs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bankadvisor_etl.errors import BugError
from bankadvisor_etl.job.messages import as_error
from bankadvisor_etl.job.results import results

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bankadvisor_etl.inputs.files import File
    from bankadvisor_etl.job.child import Child, Job
    from bankadvisor_etl.job.messages import Message

FAILURES = ("error", "bug")


def assert_computed(message: Message) -> Message:
    """Return the message, or raise its error.

    Raises:
        EtlError: the figures cannot be computed.
        BugError: the computation failed.
    """
    if message.kind == "error":
        raise as_error(message.content)
    if message.kind == "bug":
        raise BugError(message.content["what"], message.content["stack"])
    return message


class Inbox:
    """Receives the answers as they arrive, and keeps those that are not needed yet."""

    def __init__(self, child: Child, job: Job) -> None:
        """Receive the answers of ``child`` to ``job``."""
        self._job = job
        self._messages = results(child, job)
        self._kept: dict[int | str, Message] = {}

    def extract(self, file: File) -> Message:
        """What was read from a file.

        Raises:
            EtlError: the file cannot be read, or its contents cannot be right.
            ChangedError: it changed, or is still being written.
        """
        message = self._take(self._job.files.index(file))
        if message.kind == "error":
            file.assert_settled()
            raise as_error(message.content)
        file.assert_unchanged()
        return message

    def series(self) -> Iterator[Message]:
        """What has to be written of CNBV's series, after every file was read; up to the part ``end``.

        Raises:
            InputError: the process that reads was killed by it.
        """
        for message in self._messages:
            yield message
            if message.content.get("part") == "end":
                return

    def figures(self) -> Message:
        """The figures, after every file was read.

        Raises:
            EtlError: they cannot be computed.
            BugError: the computation failed.
        """
        return self._take("figures")

    def findings(self) -> Message:
        """The findings of the audit.

        Raises:
            BugError: the audit failed.
        """
        return self._take("findings")

    def _take(self, wanted: int | str) -> Message:
        """The answer for a file, by its number, or an answer of a kind that concerns all files."""
        while wanted not in self._kept:
            message = next(self._messages, None)
            if message is None:
                raise AssertionError("the process that computes was done and had not answered")
            if "file" not in message.content:
                assert_computed(message)
            self._kept[message.content.get("file", message.kind)] = message
        return self._kept.pop(wanted)
