"""The place in a refusal: the fields of the error, not its words."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bankadvisor_etl.errors import EtlError


@contextmanager
def refused(kind: type[EtlError], **place: Any) -> Iterator[None]:
    """The block raises exactly this error, and the known fields of its place are exactly these."""
    with pytest.raises(kind) as caught:
        yield
    assert type(caught.value) is kind
    assert caught.value.place.known() == place
    assert caught.value.what
