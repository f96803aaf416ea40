"""The steps of a run between the request to the child and the closing of its row: base, enhanced, audit, publish."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from bankadvisor_etl.checks.findings import Finding, failures
from bankadvisor_etl.checks.restated import restated
from bankadvisor_etl.checks.withdrawn import MAX_WITHDRAWN, WITHDRAWN, withdrawn
from bankadvisor_etl.errors import DataError, EtlError
from bankadvisor_etl.faults import point
from bankadvisor_etl.job.inbox import Inbox
from bankadvisor_etl.job.series import Arriving
from bankadvisor_etl.sources import SOURCES
from bankadvisor_etl.tables import BY_NAME, KPIS_CONSOLIDADOS, MONTHLY_KPIS
from bankadvisor_etl.warehouse import publish, published, runs, series
from bankadvisor_etl.warehouse.connection import translated
from bankadvisor_etl.warehouse.runs import SourceRecord
from bankadvisor_etl.warehouse.tables import constrain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bankadvisor_etl.inputs.files import File
    from bankadvisor_etl.job.child import Child, Job
    from bankadvisor_etl.job.messages import Message
    from bankadvisor_etl.job.nightly import Run
    from bankadvisor_etl.warehouse.publish import Figures


def execute(run: Run, child: Child, job: Job) -> None:
    """Receive the child's answers, then write what differs, in the run's transaction, which the caller commits.

    Raises:
        InputError: a file cannot be read.
        DataError: a file or a check of severity ``error`` failed.
        DatabaseError: the database was lost.
    """
    inbox = Inbox(child, job)
    with translated():  # while the child reads
        heads = series.heads(run.cursor) if job.store_series else b""
    extracts: dict[str, Message] = {}
    for phase in ("base", "enhanced"):
        run.ledger.begin_phase(phase)
        run.log.info("etl.phase.base.started" if phase == "base" else "etl.phase.enhanced.started")
        extracts |= _read(run, phase, inbox, job.files)
        point(f"read_{phase}")
        if phase == "base":
            months = sum(extract.content.get("bank_months", 0) for extract in extracts.values())
            run.log.info("etl.phase.base.completed", rows_processed=months)
    written: list[Finding] = []
    if job.store_series:
        written = _load_series(run, Arriving(inbox.series(), child.tell, heads))
    figures = inbox.figures()
    _count(run, figures.content["rows"])
    point("computed")
    for file in job.files:
        if file.source in figures.content["set_aside"]:
            run.ledger.record_sources([_record(file, extracts[file.name], used=False)])
            run.log.warning("etl.source.set_aside", source=file.source, file=file.name)
    _publish(run, inbox, figures, written)


def _load_series(run: Run, arriving: Arriving) -> list[Finding]:
    """Write what is new or changed in CNBV's series, and return the findings of its check."""
    run.ledger.begin_phase("series")
    accepted = WITHDRAWN in run.request.accepted
    most = 1 if accepted else MAX_WITHDRAWN
    with translated():
        loaded = series.load(run.cursor, arriving, run.ledger.run_id, most)
    run.log.info("etl.series.loaded", **asdict(loaded))
    return withdrawn(loaded.withdrawn, loaded.stored, loaded.first, accepted=accepted)


def _publish(run: Run, inbox: Inbox, computed: Message, found: Sequence[Finding]) -> None:
    """Compare the figures with the published ones while they are audited, and write what differs."""
    content, ledger = computed.content, run.ledger
    ledger.begin_phase("audit")
    figures = [
        publish.Figures(columns, block, content["known_alertas"], _may_remove(run, table), BY_NAME[table])
        for (table, columns), block in zip(content["columns"].items(), computed.blocks, strict=True)
    ]
    with translated():
        published.publish_names(run.cursor, content["names"])  # inserts the ids that other tables refer to
        for of_table in figures:
            publish.stage(run.cursor, of_table)
        point("staged")
        comparison = publish.compare(run.cursor, figures[0])
        moved = published.moved(run.cursor)
    audit = inbox.findings().content
    point("audited")
    found = [*found, *(Finding.from_json(finding) for finding in audit["findings"])]
    _conclude(run, [*found, restated(comparison, run.request.limits)])
    point("compared")
    ledger.begin_phase("publish")
    _write(run, figures, {**content, **audit})
    if moved.rows:
        run.log.info("etl.source.moved", **asdict(moved))
    point("published")


def _may_remove(run: Run, table: str) -> bool:
    """Whether figures of a table that the run lacks are withdrawn; without bulletins, figures only from them stay."""
    return run.request.allow_removals and table in (MONTHLY_KPIS.name, KPIS_CONSOLIDADOS.name)


def _write(run: Run, figures: Sequence[Figures], content: Mapping[str, Any]) -> None:
    with translated():
        done, *_ = [publish.publish(run.cursor, run.ledger.run_id, of_table) for of_table in figures]
        constrain(run.cursor)
        runs.record_differences(run.cursor, run.ledger.run_id, content.get("reconcile", {}).get("rows", []))
        if content["concepts"]:
            series.load_concepts(run.cursor, content["concepts"])
    run.ledger.counts = replace(
        run.ledger.counts, rows_inserted=done.inserted, rows_updated=done.updated, rows_unchanged=done.unchanged
    )
    run.ledger.figures_changed = done.figures_changed


def _read(run: Run, phase: str, inbox: Inbox, files: Sequence[File]) -> dict[str, Message]:
    """Wait for the sources of a phase, in order, record each, and return what was read from each file."""
    extracts: dict[str, Message] = {}
    for source in SOURCES:
        if source.phase != phase:
            continue
        its_files = [file for file in files if file.source == source.name]
        if source.is_missed({file.source for file in files}):
            run.log.warning("etl.source.missing", source=source.name, file=source.files[0])
        for file in its_files:
            extracts[file.name] = _take(run, inbox, file)
        if its_files:
            run.ledger.record_findings([_contract(source.name, "as it should be", passed=True)])
    return extracts


def _take(run: Run, inbox: Inbox, file: File) -> Message:
    try:
        extract = inbox.extract(file)
    except EtlError as error:
        run.ledger.record_findings([_contract(file.source, str(error), passed=False)])
        raise
    run.ledger.record_sources([_record(file, extract, used=True)])
    content = extract.content
    if content["rows_rejected"]:
        run.ledger.record_rejects(extract.blocks[0])
        rejected = run.ledger.counts.rows_rejected + content["rows_rejected"]
        run.ledger.counts = replace(run.ledger.counts, rows_rejected=rejected)
    run.log.info(
        "etl.source.read",
        source=file.source,
        file=file.name,
        rows_read=content["rows_read"],
        rows_rejected=content["rows_rejected"],
        seconds=round(content["seconds"], 3),
        ignored_columns=content["ignored"],
    )
    return extract


def _contract(source: str, observed: str, *, passed: bool) -> Finding:
    """The check that a file could be read: columns are present, codes and months parse, and no key appears twice."""
    return Finding(f"contract_{source}", "error", passed, observed, f"the contract of {source}")


def _record(file: File, extract: Message, *, used: bool) -> SourceRecord:
    content = extract.content
    read, rejected = content["rows_read"], content["rows_rejected"]
    return SourceRecord(
        file.source,
        file.name,
        file.sha256,
        file.bytes,
        read,
        read - rejected,
        rejected,
        content["seconds"],
        used,
    )


def _count(run: Run, rows: dict[str, int]) -> None:
    processed: dict[str, Any] = {f"rows_processed_{name}": count for name, count in rows.items()}
    run.ledger.counts = replace(run.ledger.counts, **processed)
    enhanced = {f"{name}_rows": count for name, count in rows.items() if name != "base"}
    run.log.info("etl.phase.enhanced.completed", **enhanced)


def _conclude(run: Run, findings: Sequence[Finding]) -> None:
    """Record the findings, and refuse to publish if one of them stops the run."""
    for finding in run.ledger.record_findings(findings):
        report: Callable[..., Any] = run.log.error if finding.stops else run.log.warning
        report(
            "etl.check.failed",
            check=finding.name,
            severity=finding.severity,
            observed=finding.observed,
            expected=finding.expected,
            sample=list(finding.sample),
            **({"accepted": True} if finding.accepted else {}),
        )
    accepted = {finding.name for finding in findings if finding.accepted}
    for name in sorted({*run.request.accepted} - accepted):
        run.log.warning("etl.accept.unused", check=name)
    warnings = sum(not finding.passed and not finding.stops for finding in findings)
    run.ledger.counts = replace(run.ledger.counts, warnings=warnings)
    if words := failures(findings):
        raise DataError(words)
