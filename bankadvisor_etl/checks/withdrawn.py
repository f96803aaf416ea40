"""Checks how many stored values of CNBV's series a newer file lacks, from the comparison with what is stored."""

from __future__ import annotations

from bankadvisor_etl.checks.findings import Finding

WITHDRAWN, KEPT = "serie_valores_retirados", "serie_valores_conservados"
MAX_WITHDRAWN = 0.001
"""The share of the stored values that a file may lack."""


def withdrawn(values: int, stored: int, first: str, *, accepted: bool) -> list[Finding]:
    """Few stored values are missing from the file; missing ones stay as they were, with a warning.

    Args:
        values: how many are missing.
        stored: how many are stored.
        first: the key of the first missing one: entidad, saldo, idconcepto, periodo.
        accepted: whether a larger share was accepted by name.
    """
    many = values > MAX_WITHDRAWN * stored
    observed = f"the series lacks {values:,} of {stored:,} stored values" if values else "none"
    sample = (first,) if values else ()
    expected = f"at most {MAX_WITHDRAWN:.1%} (--accept {WITHDRAWN} accepts it; they stay as they are)"
    return [
        Finding(WITHDRAWN, "error", not many, observed, expected, sample, accepted=many and accepted),
        Finding(KEPT, "warning", not values, observed, "none", sample),
    ]
