"""CNBV's series on its way from the process that read it into the database; what goes through here is bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bankadvisor_etl.job.messages import Message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Arriving:
    """The blocks of ``warehouse.series.load``, as the messages of ``job.telling`` bring them, one at a time."""

    def __init__(self, messages: Iterator[Message], tell: Callable[[Message], None]) -> None:
        """Take ``messages`` of the kind ``series`` as they come; ``tell`` answers."""
        self._messages, self._tell = messages, tell
        self._next: Message | None = None
        self._any_restated = False
        self.unchanged: int = self._take().content["unchanged"]

    def longer_keys(self) -> Iterator[bytes]:
        """The stored series that go on."""
        return self._part("longer")

    def restated_rows(self) -> Iterator[bytes]:
        """The series whose stored part differs."""
        for block in self._part("restated"):
            self._any_restated = True
            yield block

    def keep(self, values: bytes) -> None:
        """Say which stored values the file lacks."""
        self._take()
        if self._any_restated:
            self._tell(Message("kept", {}, (values,)))

    def rows(self) -> Iterator[bytes]:
        """The series that are new, and those that go on."""
        yield from self._part("rows")
        self._take()

    def _part(self, name: str) -> Iterator[bytes]:
        while (message := self._peek()).content["part"] == name:
            self._next = None
            yield message.blocks[0]

    def _peek(self) -> Message:
        if self._next is None:
            self._next = next(self._messages)
        return self._next

    def _take(self) -> Message:
        message = self._peek()
        self._next = None
        return message
