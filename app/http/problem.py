"""Errors as RFC 9457 problem documents: a stable code, what was expected, what was found, what to do."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from aiohttp import web

from app.logging import redact_text

CONTENT_TYPE = "application/problem+json"
TYPE = "urn:countersign:problem:"
_FOUND_LIMIT = 500


class ProblemDocument(msgspec.Struct, frozen=True, omit_defaults=True):
    """RFC 9457 with our extension members. ``instance`` names the request, as its log lines do."""

    type: str
    title: str
    status: int
    code: str
    detail: str = ""
    expected: str = ""
    found: str = ""
    remedy: str = ""
    instance: str = ""


class Problem(Exception):
    """Raise it in any handler: the caller gets the document, with status and headers."""

    def __init__(
        self,
        status: int,
        code: str,
        title: str,
        *,
        expected: str = "",
        found: str = "",
        remedy: str = "",
        detail: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{code}: {title}")
        self.status = status
        self.code = code
        self.title = title
        self.expected = expected
        self.found = redact_text(found)[:_FOUND_LIMIT]
        self.remedy = remedy
        self.detail = redact_text(detail) or self._told()
        self.headers = dict(headers or {})

    def document(self, request_id: str) -> ProblemDocument:
        return ProblemDocument(
            type=TYPE + self.code,
            title=self.title,
            status=self.status,
            code=self.code,
            detail=self.detail,
            expected=self.expected,
            found=self.found,
            remedy=self.remedy,
            instance=f"urn:countersign:request:{request_id}",
        )

    def _told(self) -> str:
        if self.expected and self.found:
            return f"Expected {self.expected}, found {self.found}."
        if self.expected:
            return f"Expected {self.expected}."
        # What was found alone is a sentence of its own.
        return self.found[:1].upper() + self.found[1:] + ("" if self.found.endswith(".") else ".") if self.found else ""


def response(problem: Problem, request_id: str) -> web.Response:
    return web.Response(
        status=problem.status,
        body=msgspec.json.encode(problem.document(request_id)),
        content_type=CONTENT_TYPE,
        headers=problem.headers,
    )
