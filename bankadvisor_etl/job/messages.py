"""Messages between the process that keeps the record and the one that computes: a line of JSON, then blocks of bytes.

JSON and not pickle, so that a hostile file can harm only the process that reads it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bankadvisor_etl import errors
from bankadvisor_etl.errors import EtlError, Place

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import BinaryIO


@dataclass(frozen=True)
class Message:
    """A message: its kind, its content, and the blocks that follow its line."""

    kind: str
    content: Mapping[str, Any] = field(default_factory=dict)
    blocks: tuple[bytes, ...] = ()


def send(stream: BinaryIO, message: Message) -> None:
    """Write a message.

    Raises:
        OSError: the other end of the stream is closed.
    """
    head = {"kind": message.kind, "sizes": [len(block) for block in message.blocks], "content": message.content}
    stream.write(b"".join([json.dumps(head).encode(), b"\n", *message.blocks]))
    stream.flush()


def receive(stream: BinaryIO) -> Message | None:
    """Read a message; None at the end of the stream, or if it ends in the middle of a message."""
    try:
        head = json.loads(stream.readline())
    except ValueError:
        return None
    blocks = tuple(stream.read(size) for size in head["sizes"])
    if [len(block) for block in blocks] != head["sizes"]:
        return None
    return Message(head["kind"], head["content"], blocks)


def as_content(error: EtlError) -> dict[str, Any]:
    """An error as values that JSON can represent."""
    return {
        "class": type(error).__name__,
        "what": error.what,
        "place": error.place.known(),
        "remedy": error.remedy,
    }


def as_error(content: Mapping[str, Any]) -> EtlError:
    """The error that ``as_content`` wrote."""
    kind: type[EtlError] = getattr(errors, content["class"])
    return kind(content["what"], Place(**content["place"]), content["remedy"])
