"""What the process that computes sends of CNBV's series: the blocks that ``job.series`` passes on to PostgreSQL.

Messages of the kind ``series``, by ``part``: ``begin``, answered with the heads of the stored series (``heads``);
``compare`` and ``compare_end``, answered, if there was any, with the values of these series (``stored``, the last one
empty); ``differences``, ``rewritten``, ``rows``, ``end`` (with the number of ``unchanged`` series).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from bankadvisor_etl.job.messages import Message, receive
from bankadvisor_etl.sources.series.comparison import compare
from bankadvisor_etl.transforms import from_series, metricas

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    from bankadvisor_etl.formats.extract import Extract
    from bankadvisor_etl.sources.serie import SeriesExtract
    from bankadvisor_etl.sources.series.comparison import Kept


class Series:
    """The series of the file compared with the stored one."""

    def __init__(self, extract: Extract, requests: BinaryIO, tell: Callable[[Message], None]) -> None:
        """Compare with the heads that arrive on ``requests``; ``tell`` sends messages."""
        self._requests, self._tell = requests, tell
        tell(Message("series", {"part": "begin"}))
        self._comparison = compare(cast("SeriesExtract", extract).series, self._asked("heads"))

    def compared(self) -> list[Kept]:
        """Request the stored values of what may differ; return those that the file lacks and the figures need."""
        self._send("compare", self._comparison.keys_to_compare())
        self._tell(Message("series", {"part": "compare_end"}))
        if not self._comparison.to_compare:
            return []
        self._comparison.hold(iter(lambda: self._asked("stored"), b""))
        return self._comparison.kept({*from_series.needed(), *metricas.needed()})

    def rows(self) -> None:
        """Send what has to be written."""
        self._send("differences", self._comparison.differences())
        self._send("rewritten", self._comparison.rewritten_keys())
        self._send("rows", self._comparison.rows())
        self._tell(Message("series", {"part": "end", "unchanged": self._comparison.unchanged}))

    def _asked(self, kind: str) -> bytes:
        message = receive(self._requests)
        if message is None or message.kind != kind:
            raise RuntimeError(f"expected {kind!r}, got {message and message.kind!r}")
        return message.blocks[0]

    def _send(self, part: str, blocks: Iterator[bytes]) -> None:
        for block in blocks:
            self._tell(Message("series", {"part": part}, (block,)))
