"""Requests and answers inside the simulator, and a router that looks only at path segments."""

from __future__ import annotations

import dataclasses
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

import msgspec

from integrations.github.simulator.model import App, Installation, Token

T = TypeVar("T")
Handler = TypeVar("Handler")
DOCS = "https://docs.github.com/rest"


@dataclasses.dataclass(slots=True)
class Call:
    """One API call. ``values`` are the variable parts of the path, decoded."""

    method: str
    path: str
    values: tuple[str, ...]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    app: App | None = None
    token: Token | None = None

    @property
    def installation(self) -> Installation:
        assert self.token is not None
        return self.token.installation

    def read(self, kind: type[T]) -> T:
        """The body as ``kind``; Problem 400 or 422 as GitHub answers them."""
        try:
            return msgspec.json.decode(self.body or b"{}", type=kind)
        except msgspec.ValidationError as error:
            raise Problem(422, f"Invalid request.\n\n{error}") from None
        except msgspec.DecodeError:
            raise Problem(400, "Problems parsing JSON") from None


@dataclasses.dataclass(slots=True)
class Reply:
    """``body`` None: no body at all. ``raw``: bytes that are no JSON."""

    status: int = 200
    body: object = None
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    raw: bytes | None = None
    content_type: str = "application/json; charset=utf-8"

    def encoded(self) -> bytes:
        if self.raw is not None:
            return self.raw
        return b"" if self.body is None else msgspec.json.encode(self.body)


class Problem(Exception):
    """A refusal in GitHub's form."""

    def __init__(self, status: int, message: str, errors: list[object] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors

    def reply(self) -> Reply:
        body: dict[str, object] = {"message": self.message, "documentation_url": DOCS}
        if self.errors is not None:
            body["errors"] = self.errors
        body["status"] = str(self.status)
        return Reply(self.status, body)


class Router(Generic[Handler]):
    """Templates such as ``/repos/{owner}/{repo}``; a last ``{path*}`` takes the rest of the path."""

    def __init__(self) -> None:
        self._exact: dict[tuple[str, int, str], list[tuple[list[str], Handler]]] = {}
        self._rest: dict[tuple[str, str], list[tuple[list[str], Handler]]] = {}

    def add(self, method: str, template: str, handler: Handler) -> None:
        parts = template.strip("/").split("/")
        if parts[-1].endswith("*}"):
            self._rest.setdefault((method, parts[0]), []).append((parts[:-1], handler))
        else:
            self._exact.setdefault((method, len(parts), parts[0]), []).append((parts, handler))

    def find(self, method: str, raw_path: str) -> tuple[Handler, tuple[str, ...]] | None:
        parts = raw_path.strip("/").split("/")
        for template, handler in self._exact.get((method, len(parts), parts[0]), ()):
            values = _match(template, parts)
            if values is not None:
                return handler, values
        for template, handler in self._rest.get((method, parts[0]), ()):
            if len(parts) > len(template):
                values = _match(template, parts[: len(template)])
                if values is not None:
                    rest = "/".join(urllib.parse.unquote(part) for part in parts[len(template) :])
                    return handler, (*values, rest)
        return None


def _match(template: list[str], parts: list[str]) -> tuple[str, ...] | None:
    values: list[str] = []
    for wanted, found in zip(template, parts, strict=True):
        if wanted[0] == "{":
            values.append(urllib.parse.unquote(found) if "%" in found else found)
        elif wanted != found:
            return None
    return tuple(values)


def paged(call: Call, items: list[T], url: str) -> tuple[list[T], dict[str, str]]:
    """One page and its Link header. ``url`` is the address without query."""
    size = min(max(_number(call.query.get("per_page"), 30), 1), 100)
    page = max(_number(call.query.get("page"), 1), 1)
    last = max(1, -(-len(items) // size))
    shown = items[(page - 1) * size : page * size]
    links: list[str] = []
    kept = {name: value for name, value in call.query.items() if name != "page"}
    if page < last:
        query = urllib.parse.urlencode({**kept, "page": page + 1})
        links.append(f'<{url}?{query}>; rel="next"')
        links.append(f'<{url}?{urllib.parse.urlencode({**kept, "page": last})}>; rel="last"')
    return shown, {"link": ", ".join(links)} if links else {}


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isdecimal() else default


Handle = Callable[[Call], Reply]
