"""What the process that computes tells of CNBV's series: the blocks that ``job.series`` passes on to PostgreSQL.

Messages of the kind ``series`` with ``part``: ``begin`` (with the number of ``unchanged`` series), ``longer``,
``restated``, ``compare``, ``rows``, ``end``. Where something was restated, an answer to ``compare`` is awaited before
the figures are computed: which stored values the file lacks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import polars as pl

from bankadvisor_etl.job.messages import Message, receive
from bankadvisor_etl.sources.series import encoding
from bankadvisor_etl.transforms import metricas
from bankadvisor_etl.transforms.from_series import needed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    from bankadvisor_etl.formats.extract import Extract
    from bankadvisor_etl.sources.serie import SeriesExtract
    from bankadvisor_etl.transforms.from_series import Kept

KEPT = pl.Schema({"entidad": pl.Int64, "saldo": pl.Int64, "idconcepto": pl.Int64, "mes": pl.Int64, "valor": pl.Float64})
"""The columns of the answer; ``mes`` counts months from year 0."""


class Series:
    """A series held against what is stored."""

    def __init__(self, extract: Extract, heads: bytes, tell: Callable[[Message], None]) -> None:
        """Compare, and ``tell`` by messages what differs."""
        self._difference = encoding.compare(cast("SeriesExtract", extract).series, heads)
        self._tell = tell

    def restated(self, answers: BinaryIO) -> list[Kept]:
        """Tell what is needed to find out which values were restated; return those that the file lacks and stay."""
        self._tell(Message("series", {"part": "begin", "unchanged": self._difference.unchanged}))
        self._send("longer", self._difference.longer_keys())
        self._send("restated", self._difference.restated_rows())
        self._tell(Message("series", {"part": "compare"}))
        answer = receive(answers) if self._difference.restated else None
        if answer is None or not answer.blocks[0]:
            return []
        kept = pl.read_csv(answer.blocks[0], has_header=False, schema=KEPT)
        return cast("list[Kept]", kept.filter(pl.col("idconcepto").is_in([*needed(), *metricas.needed()])).rows())

    def rows(self) -> None:
        """Tell the rest: the series that are new, and those that go on."""
        self._send("rows", self._difference.rows())
        self._tell(Message("series", {"part": "end"}))

    def _send(self, part: str, blocks: Iterator[bytes]) -> None:
        for block in blocks:
            self._tell(Message("series", {"part": part}, (block,)))
