"""Passes CNBV's series, as bytes, from the process that read it to the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bankadvisor_etl.job.messages import Message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


class Arriving:
    """The blocks for ``warehouse.series.load``, from the messages of ``job.telling``, one at a time."""

    def __init__(self, messages: Iterator[Message], tell: Callable[[Message], None], heads: bytes) -> None:
        """Receive ``messages`` of the kind ``series``; ``tell`` answers them, the first one with ``heads``."""
        self._messages, self._tell, self._heads = messages, tell, heads
        self._next: Message | None = None
        self.unchanged = 0
        """How many series are as stored; known after the last row."""

    def keys_to_compare(self) -> Iterator[bytes]:
        """The stored series whose values are needed."""
        self._take()
        self._tell(Message("heads", {}, (self._heads,)))
        yield from self._part("compare")
        self._take()

    def hold(self, stored: Iterable[bytes]) -> None:
        """Pass on these values."""
        for block in (*stored, b""):
            self._tell(Message("stored", {}, (block,)))

    def differences(self) -> Iterator[bytes]:
        """The values that differ in the file, or that it lacks."""
        return self._part("differences")

    def rewritten_keys(self) -> Iterator[bytes]:
        """The stored series that are rewritten."""
        return self._part("rewritten")

    def rows(self) -> Iterator[bytes]:
        """The rewritten series and the new ones."""
        yield from self._part("rows")
        self.unchanged = self._take().content["unchanged"]

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
