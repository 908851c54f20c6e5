"""What the log says of exports: that one was made, and who took it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from app.db.tx import Tx
from app.exports.model import Summary
from app.exports.store import Export
from manifests.record import Draft, facts


def exported(tx: Tx, export: Export, summary: Summary, at: int) -> None:
    """What was asked for is told only where it found something: then the log has these words already. What somebody
    typed by mistake, a name perhaps, must not come into it for good."""
    asked = msgspec.structs.asdict(export.ask.query) if summary.records else {}
    told = {name: value for name, value in asked.items() if value not in (None, "")}
    data = {
        "bytes": summary.bytes, "format": summary.format, "query": told, "records": summary.records,
        "root": summary.root, "sha256": summary.sha256, "size": summary.size,
    }  # fmt: skip
    tx.stage(export.ask.log, _draft(export, "exported", export.asked_by, at, data))


def downloaded(tx: Tx, export: Export, by: str, at: int) -> None:
    sha256 = export.summary.sha256 if export.summary is not None else ""
    tx.stage(export.ask.log, _draft(export, "downloaded", by, at, {"sha256": sha256}))


def _draft(export: Export, action: str, by: str, at: int, data: Mapping[str, object]) -> Draft:
    return Draft(
        trace_id=f"export-{export.id}", ts=at, stage="system", event="audit.exported", component="exports",
        action=action, resource=f"export/{export.id}", actor_ref=by, outcome="ok", data=facts(data),
    )  # fmt: skip
