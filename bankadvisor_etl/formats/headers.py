"""The headers of a file, as unique column names."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def told_apart(cells: Iterable[str | None], *taken: str) -> list[str]:
    """Trimmed headers: a blank one becomes ``column N``; one that is repeated, or ``taken``, gets ``#2`` appended."""
    seen = Counter(taken)
    headers = []
    for position, cell in enumerate(cells, start=1):
        header = (cell or "").strip() or f"column {position}"
        seen[header] += 1
        headers.append(f"{header}#{seen[header]}" if seen[header] > 1 else header)
    return headers
