"""The console: releases, one release, one decision; logging in and out."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import parse_qsl

import msgspec
import structlog
from aiohttp import web

from app.blobs.store import BlobStore
from app.clock import Clock
from app.console import decision, listing, records, release
from app.console.access import LOGIN_NEEDED, Access, from_elsewhere, may_audit, may_read, same_origin
from app.console.listing import Wanted
from app.console.pages import Pages, html
from app.console.release import Live
from app.console.sessions import LIFETIME_S, Sessions
from app.console.static import Static
from app.db.database import Database
from app.http.body import query, read
from app.http.problem import Problem, ProblemDocument
from app.http.route import Handler, Route
from app.privacy import names
from app.tokens.model import token_id
from app.tokens.service import Tokens
from manifests.canonical import sha256_hex

HOME = "/releases"
FORM_LIMIT = 8 << 10
_OURS = re.compile(r"/(?:releases|decisions|audit)(?:/[0-9a-f]{1,64})?(?:\?[A-Za-z0-9_=&%.+*-]{0,1500})?")

_log = structlog.get_logger(__name__)


class SeenQuery(msgspec.Struct, frozen=True):
    """``seen`` is the digest of the fragment that the page shows already."""

    seen: Annotated[str, msgspec.Meta(max_length=64)] = ""


class ConsoleViews:
    """``open_tenant`` is whose releases an open console shows; None asks everybody to log in."""

    def __init__(
        self, database: Database, blobs: BlobStore, tokens: Tokens, clock: Clock, *, web_url: str, public_url: str,
        open_tenant: str | None = None,
    ) -> None:  # fmt: skip
        self._database = database
        self._blobs = blobs
        self._tokens = tokens
        self._clock = clock
        self._sessions = Sessions(database, clock)
        self._access = Access(self._sessions, open_tenant, https=public_url.startswith("https://"))
        self._static = Static()
        self._pages = Pages(clock, self._static.url, web_url)

    def routes(self) -> tuple[Route, ...]:
        return (
            _page("GET", "/", self.home, "The console"),
            _page("GET", HOME, self.releases, "The list of releases"),
            _page("GET", "/releases/{id}", self.release, "One release"),
            _page("GET", "/releases/{id}/verdicts", self.verdicts, "The part of its page that refreshes itself"),
            _page("GET", "/decisions/{id}", self.decision, "One decision"),
            _page("GET", "/audit", self.audit, "Records of the audit log"),
            _page("GET", "/login", self.login_form, "The login form"),
            _page("POST", "/login", self.login, "Exchange a token for a session"),
            _page("POST", "/logout", self.logout, "End the session"),
            _page("GET", Static.path, self._static.serve, "Style sheets and scripts"),
        )

    def problem(self, request: web.Request, document: ProblemDocument) -> web.Response:
        """A problem as a page: the login form where that is what is missing."""
        if document.code == LOGIN_NEEDED:
            return self._login_page(401, request.path_qs, again=from_elsewhere(request))
        return self._pages.answer("problem.html", document.status, problem=document, viewer=None)

    async def home(self, _request: web.Request) -> web.Response:
        return _to(HOME)

    async def releases(self, request: web.Request) -> web.Response:
        viewer, wanted = await self._access.viewer(request), query(request, Wanted)
        found = await self._database.read(lambda tx: listing.read(tx, viewer, wanted))
        page = self._pages.text("releases.html", viewer=viewer, wanted=wanted, listing=found)
        return html(await names.in_html(self._database, viewer.tenant, page))

    async def release(self, request: web.Request) -> web.Response:
        viewer, identity = await self._access.viewer(request), request.match_info["id"]
        found = await self._database.read(lambda tx: release.page(tx, self._blobs, viewer, identity))
        if found is None:
            raise _unknown("release", identity)
        page = self._pages.text("release.html", viewer=viewer, page=found, verdicts=self._fragment(found.live)[0])
        return html(await names.in_html(self._database, viewer.tenant, page))

    async def verdicts(self, request: web.Request) -> web.Response:
        viewer, identity = await self._access.viewer(request), request.match_info["id"]
        seen = query(request, SeenQuery).seen
        found = await self._database.read(lambda tx: release.live(tx, self._blobs, viewer, identity))
        if found is None:
            raise _unknown("release", identity)
        fragment, digest = self._fragment(found)
        # Nothing is swapped while nothing changes, so that a selection or an opened detail stays as it is.
        if digest == seen:
            return web.Response(status=204)
        return html(await names.in_html(self._database, viewer.tenant, fragment))

    async def decision(self, request: web.Request) -> web.Response:
        viewer, identity = await self._access.viewer(request), request.match_info["id"]
        found = await self._database.read(lambda tx: decision.page(tx, self._blobs, viewer, identity))
        if found is None:
            raise _unknown("decision", identity)
        page = self._pages.text("decision.html", viewer=viewer, page=found)
        return html(await names.in_html(self._database, viewer.tenant, page))

    async def audit(self, request: web.Request) -> web.Response:
        viewer, wanted = await self._access.viewer(request), query(request, records.Wanted)
        may_audit(viewer)
        now = self._clock()
        found = await self._database.read(lambda tx: records.read(tx, viewer, wanted, now))
        return self._pages.answer("audit.html", viewer=viewer, wanted=wanted, page=found)

    async def login_form(self, _request: web.Request) -> web.Response:
        return self._login_page(200, HOME)

    async def login(self, request: web.Request) -> web.Response:
        same_origin(request)
        form = await _form(request)
        credential, wanted = form.get("token", "").strip(), form.get("next", "")
        caller, identity = await self._tokens.identify(credential), token_id(credential)
        if caller is None or identity is None:
            _log.warning("console.login_refused")
            return self._login_page(401, wanted, problem="This token is unknown, expired or revoked.")
        may_read(caller)
        await self._sessions.close(request.cookies.get(self._access.cookie, ""))
        session = await self._sessions.open(identity)
        _log.info("console.login", actor=caller.actor, tenant=caller.tenant)
        response = _to(_ours(wanted))
        response.set_cookie(
            self._access.cookie, session, max_age=LIFETIME_S, path="/", httponly=True, samesite="Strict",
            secure=self._access.https,
        )  # fmt: skip
        return response

    async def logout(self, request: web.Request) -> web.Response:
        same_origin(request)
        await self._sessions.close(request.cookies.get(self._access.cookie, ""))
        response = _to("/login")
        response.del_cookie(self._access.cookie, path="/", httponly=True, samesite="Strict", secure=self._access.https)
        return response

    def _fragment(self, found: Live) -> tuple[str, str]:
        """The refreshing part and the digest that names it."""
        body = self._pages.text("_verdicts.html", live=found)
        digest = sha256_hex(body.encode())[:16]
        return self._pages.text("_live.html", live=found, body=body, digest=digest), digest

    def _login_page(self, status: int, wanted: str, *, problem: str = "", again: bool = False) -> web.Response:
        return self._pages.answer("login.html", status, viewer=None, next=_ours(wanted), problem=problem, again=again)


def _page(method: str, path: str, handler: Handler, summary: str) -> Route:
    return Route(
        method=method, path=path, handler=handler, permission="own", summary=summary, limit=FORM_LIMIT, listed=False
    )


async def _form(request: web.Request) -> dict[str, str]:
    """The fields of a form by name. Raises Problem 400, 413."""
    try:
        return dict(parse_qsl((await read(request)).decode(), max_num_fields=10))
    except ValueError as error:
        raise Problem(
            400, "request.malformed", "Malformed form", expected="a form as the page sends it", found=str(error),
            remedy="Reload the page and send the form again.",
        ) from error  # fmt: skip


def _to(path: str) -> web.Response:
    return web.Response(status=303, headers={"Location": path})


def _ours(path: str) -> str:
    """Where to go after logging in: a page of ours, whatever the form said."""
    return path if _OURS.fullmatch(path) else HOME


def _unknown(what: str, identity: str) -> Problem:
    return Problem(
        404, f"{what}.unknown", f"No such {what}", expected=f"the id of a {what} of your tenant",
        found=identity[:64], remedy=f"Find it from the list of releases at {HOME}.",
    )  # fmt: skip
