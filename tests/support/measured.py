"""Coverage of the processes that tests start: each saves what it measured when it ends."""

from __future__ import annotations

import base64
import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bankadvisor_etl.job.child import Child as AnyChild
    from bankadvisor_etl.job.messages import Message

VARIABLE = "COVERAGE_PROCESS_CONFIG"
"""Set by coverage (``patch = subprocess``): a process that has it measures itself."""


def passed_on() -> dict[str, str]:
    """The variable, for an otherwise empty environment; nothing if coverage is not measured."""
    return {VARIABLE: value} if (value := os.environ.get(VARIABLE)) else {}


def let_children_end() -> None:
    """Wait for each child that is done: otherwise it is killed before it has saved what it measured."""
    from bankadvisor_etl.job.child import Child  # noqa: PLC0415 - after coverage has started

    answers = Child.answers

    def answers_and_end(child: AnyChild) -> Iterator[Message]:
        yield from answers(child)
        child._wait()  # noqa: SLF001 - no public method waits

    Child.answers = answers_and_end  # type: ignore[method-assign]


@contextmanager
def importing(config: str) -> Iterator[None]:
    """Measure what the body imports. Forks of this process do not inherit this: each measures itself."""
    from coverage import Coverage  # noqa: PLC0415 - only when measuring

    plain = json.loads(base64.b64decode(config)) | {"patch": []}
    coverage = Coverage(config_file=":data:" + base64.b64encode(json.dumps(plain).encode()).decode())
    coverage.start()
    yield
    coverage.stop()
    coverage.save()


def start(config: str) -> None:
    """Measure this process and those that it starts."""
    from coverage import process_startup  # noqa: PLC0415

    os.environ[VARIABLE] = config
    process_startup(force=True)
    let_children_end()
