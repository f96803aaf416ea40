"""The answers of the process that computes, whatever happens to it.

If it is killed, another process (started by exec) reads each unfinished file alone, to find out which one is to
blame; it inspects a file before it parses it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bankadvisor_etl.errors import InputError, OutOfMemoryError, Place, ReaderError
from bankadvisor_etl.job.child import Child, DeathError
from bankadvisor_etl.job.messages import Message, as_content

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bankadvisor_etl.job.child import Job


def results(child: Child, job: Job) -> Iterator[Message]:
    """Yield the child's answers to a job that it was sent; a file that kills it is answered with an ``error``.

    Raises:
        ReaderError: the child cannot start.
        OutOfMemoryError: no single file is to blame, but all together need more memory than allowed.
    """
    open_files = dict(enumerate(job.files))
    beyond_files = False
    try:
        for message in child.answers():
            open_files.pop(message.content.get("file", -1), None)
            beyond_files |= message.kind == "series"
            yield message
    except DeathError as death:
        if beyond_files:  # what it sent of the series is being written already, and cannot be sent again
            raise _too_large(job, death) from death
        if not death.ready:
            raise ReaderError(
                f"the process that reads the files cannot start: it {death.how} ({death.words})",
                remedy="no file is to blame; install the package again",
            ) from death
    else:
        return
    alone = [_alone(job, number) for number in open_files]
    yield from alone
    if all(message.kind == "extract" for message in alone):
        yield from _once_more(child, job)


def _alone(job: Job, number: int) -> Message:
    """The answer of a separate child for one file; an error if the file kills that one too."""
    file = job.files[number]
    try:
        with Child() as child:
            (answer,) = child.work(replace(job, files=[file], settings=None, published=None, store_series=False))
            return replace(answer, content={**answer.content, "file": number})
    except DeathError as death:
        place = Place(file.name)
        if death.out_of_memory:
            what = f"takes more than {job.memory // 2**20:,} MiB, or all that is free, to read (the reader {death.how})"
            error: InputError = OutOfMemoryError(what, place, "the file is damaged, or memory is short")
        else:
            error = InputError(f"the reader {death.how}: the file is damaged", place, "fetch the file again")
        return Message("error", {"file": number, **as_content(error)})


def _once_more(child: Child, job: Job) -> Iterator[Message]:
    """Do the job again, one file after another, for the figures."""
    try:
        with Child() as careful:
            child.succeed(careful)
            yield from (message for message in careful.work(job) if "file" not in message.content)
    except DeathError as death:
        raise _too_large(job, death) from death


def _too_large(job: Job, death: DeathError) -> OutOfMemoryError:
    what = f"the files together take more than {job.memory // 2**20:,} MiB, or all that is free"
    remedy = "each file can be read alone; give the machine more memory"
    return OutOfMemoryError(f"{what} (the process {death.how})", remedy=remedy)
