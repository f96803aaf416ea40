"""CNBV's series on its way from the process that read it into the database; what goes through here is bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bankadvisor_etl.job.messages import Message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


class Arriving:
    """The blocks of ``warehouse.series.load``, as the messages of ``job.telling`` bring them, one at a time."""

    def __init__(self, messages: Iterator[Message], tell: Callable[[Message], None], heads: bytes) -> None:
        """Take ``messages`` of the kind ``series`` as they come; ``tell`` answers, with ``heads`` to the first one."""
        self._messages, self._tell, self._heads = messages, tell, heads
        self._next: Message | None = None
        self.unchanged = 0
        """How many series are as stored; known once the rows are through."""

    def keys_to_compare(self) -> Iterator[bytes]:
        """The stored series of which the values are wanted."""
        self._take()
        self._tell(Message("heads", {}, (self._heads,)))
        yield from self._part("compare")
        self._take()

    def hold(self, stored: Iterable[bytes]) -> None:
        """Pass on these values."""
        for block in (*stored, b""):
            self._tell(Message("stored", {}, (block,)))

    def differences(self) -> Iterator[bytes]:
        """The values that the file has otherwise, or has not."""
        return self._part("differences")

    def rewritten_keys(self) -> Iterator[bytes]:
        """The stored series that are written anew."""
        return self._part("rewritten")

    def rows(self) -> Iterator[bytes]:
        """Those, and the series that are new."""
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
