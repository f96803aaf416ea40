"""How much of what is stored of CNBV's series does a newer file lack? Asked of PostgreSQL's comparison."""

from __future__ import annotations

from bankadvisor_etl.checks.findings import Finding

WITHDRAWN, KEPT = "serie_valores_retirados", "serie_valores_conservados"
MAX_WITHDRAWN = 0.001
"""The share of the stored values that a file may lack."""


def withdrawn(values: int, stored: int, first: str, *, accepted: bool) -> list[Finding]:
    """Few stored values are missing from the file; those that are stay as they were, with a warning.

    Args:
        values: how many are missing.
        stored: of how many.
        first: the key of one of them: entidad, saldo, idconcepto, periodo.
        accepted: whether more of them were accepted by name.
    """
    many = values > MAX_WITHDRAWN * stored
    observed = f"the series lacks {values:,} of {stored:,} stored values" if values else "none"
    sample = (first,) if values else ()
    expected = f"at most {MAX_WITHDRAWN:.1%} (--accept {WITHDRAWN} accepts it; they stay as they are)"
    return [
        Finding(WITHDRAWN, "error", not many, observed, expected, sample, accepted=many and accepted),
        Finding(KEPT, "warning", not values, observed, "none", sample),
    ]
