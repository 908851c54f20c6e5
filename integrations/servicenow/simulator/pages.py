"""A page per change for people in a browser: ``/nav/change/{number}``."""

from __future__ import annotations

from html import escape

from aiohttp import web

from integrations.servicenow.simulator.view import ChangeView

_STYLE = (
    "body{font:16px/1.5 system-ui;max-width:52rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}"
    "td,th{border:1px solid #ccc;padding:.3rem .6rem;text-align:left}"
    "pre{white-space:pre-wrap;background:#f5f5f5;padding:.6rem}"
)

_CSP = "default-src 'none'; style-src 'unsafe-inline'"


def change_page(change: ChangeView) -> web.Response:
    facts = {
        "State": change.state,
        "Type": change.type,
        "Approval": change.approval,
        "Opened by": change.created_by,
        "Correlation": change.correlation_id,
        "Closed as": change.close_code,
    }
    parts = [
        f"<h1>{escape(change.number)}: {escape(change.short_description)}</h1>",
        _table(("", ""), [(name, value) for name, value in facts.items() if value]),
        f"<h2>Description</h2><pre>{escape(change.description)}</pre>",
        "<h2>Approvals</h2>",
        _table(
            ("Approver", "Group", "State", "Updated by"),
            [(row.approver, row.group, row.state, row.updated_by) for row in change.approvals],
        ),
        "<h2>Work notes</h2>",
        *(f"<pre>{escape(note)}</pre>" for note in change.work_notes),
        "<h2>Attachments</h2>",
        f"<ul>{''.join(f'<li>{escape(name)}</li>' for name in change.attachments)}</ul>",
    ]
    title = escape(change.number)
    head = f'<meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
    text = f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>'
    return web.Response(text=text, content_type="text/html", headers={"Content-Security-Policy": _CSP})


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    titles = "".join(f"<th>{escape(name)}</th>" for name in head) if any(head) else ""
    lines = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table>{f'<tr>{titles}</tr>' if titles else ''}{lines}</table>"
