"""One instance spoken to through pysnow, in the only way that is safe.

A fresh Resource for each call (its parameters stick and are shared), our own cookie-less session, retries
of reads only, PATCH instead of update(), and every answer judged before pysnow sees it. pysnow blocks, so it
runs in a few threads.
"""

from __future__ import annotations

import asyncio
import json
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError
from urllib3.util import Retry

from integrations.errors import InDoubtError, NeighbourError, RefusedError, UnavailableError
from integrations.observing import Observe, observed
from integrations.servicenow.address import Address
from integrations.servicenow.answers import Judge
from integrations.servicenow.auth import (
    BasicCredentials,
    BearerAuth,
    Credentials,
    basic_auth,
    new_session,
)

with warnings.catch_warnings():
    # pysnow warns when libmagic is missing (only its upload needs it, which we do not use); its old pytz
    # warns on Python 3.12.
    warnings.filterwarnings("ignore", message="Missing the python-magic library", category=UserWarning)
    warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"pytz\b.*")
    import pysnow
    from pysnow.exceptions import InvalidUsage, MissingResult, MultipleResults, NoResults

NEIGHBOUR = "servicenow"
_CONNECT_TIMEOUT_S = 10.0
_NOW = "/api/now"
_CHANGE_API = "/api/sn_chg_rest"
_TOTAL = "X-Total-Count"

Answer = TypeVar("Answer")
Json = dict[str, Any]


class Transport:
    """Calls to one instance. Every method raises NeighbourError only, with no secret in its text."""

    def __init__(
        self,
        address: Address,
        credentials: Credentials,
        *,
        clock: Callable[[], int],
        timeout_s: float,
        threads: int,
        ca_file: str | None,
        refuse_simulator: bool,
        observe: Observe | None = None,
    ) -> None:
        self._address = address
        self._clock = clock
        self._observe = observe
        self._timeout = (min(timeout_s, _CONNECT_TIMEOUT_S), timeout_s)
        self._bearer: BearerAuth | None = None
        self._session = _session(threads, ca_file)
        if isinstance(credentials, BasicCredentials):
            self._session.auth = basic_auth(credentials)
            secret = credentials.password
        else:
            self._bearer = BearerAuth(address.url, credentials, clock, self._timeout, ca_file)
            self._session.auth = self._bearer
            secret = credentials.client_secret
        self._session.hooks["response"] = [Judge(clock, [secret], refuse_simulator=refuse_simulator)]
        self._client = pysnow.Client(host=address.host, use_ssl=address.tls, session=self._session)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="servicenow")

    async def page(
        self, path: str, query: str, fields: list[str], limit: int, offset: int
    ) -> tuple[list[Json], int | None]:
        """Rows of one page and how many there are in all, where the instance says so."""

        def call() -> tuple[list[Json], int | None]:
            answer = self._resource(path).get(
                query=query, fields=fields, limit=limit, offset=offset, exclude_reference_link=True
            )
            rows = answer.all()
            if not isinstance(rows, list):
                raise UnavailableError(f"ServiceNow GET {path}: expected a list of rows")
            total = answer.headers.get(_TOTAL, "")
            return rows, int(total) if total.isascii() and total.isdigit() else None

        return await self._run("GET", path, call)

    async def record(self, table: str, sys_id: str, fields: list[str]) -> Json:
        """One row by its key; NotFoundError when it is missing or hidden from us."""
        return await self._one("GET", f"/table/{table}", f"/{sys_id}", fields=fields)

    async def create(self, table: str, body: Mapping[str, str], fields: list[str]) -> Json:
        """The row as the instance stored it."""
        return await self._one("POST", f"/table/{table}", None, fields=fields, body=body)

    async def patch(self, table: str, sys_id: str, body: Mapping[str, str]) -> None:
        """Sets these fields; what came of it must be read back."""
        await self._one("PATCH", f"/table/{table}", f"/{sys_id}", fields=["sys_id"], body=body)

    async def nextstates(self, sys_id: str) -> Json:
        """The raw answer of the Change Management API, whose values are typed."""
        return await self._one("GET", f"/change/{sys_id}/nextstates", None, base=_CHANGE_API)

    async def attach(self, table: str, sys_id: str, name: str, content: bytes, content_type: str) -> Json:
        """The attachment's metadata. Not through pysnow: its upload leaves parameters behind."""

        def call() -> Json:
            answer = self._session.post(
                f"{self._address.url}{_NOW}/attachment/file",
                params={"table_name": table, "table_sys_id": sys_id, "file_name": name},
                data=content,
                headers={"Content-Type": content_type, "Accept": "application/json"},
                timeout=self._timeout,
            )
            result = answer.json()["result"]
            return result if isinstance(result, dict) else {}

        return await self._run("POST", "/attachment/file", call)

    async def close(self) -> None:
        """Waits for calls under way, then closes all connections."""
        await asyncio.to_thread(self._pool.shutdown, wait=True, cancel_futures=True)
        self._session.close()
        if self._bearer is not None:
            self._bearer.close()

    async def _one(
        self,
        method: str,
        path: str,
        append: str | None,
        *,
        base: str = _NOW,
        fields: list[str] | None = None,
        body: Mapping[str, str] | None = None,
    ) -> Json:
        def call() -> Json:
            resource = self._resource(path, base)
            resource.parameters.exclude_reference_link = True
            if fields is not None:
                resource.parameters.fields = fields
            payload = None if body is None else json.dumps(body)
            row: Json = resource.request(method, path_append=append, data=payload).one()
            return row

        return await self._run(method, path, call)

    def _resource(self, path: str, base: str = _NOW) -> Any:
        return self._client.resource(api_path=path, base_path=base, timeout=self._timeout)

    async def _run(self, method: str, path: str, call: Callable[[], Answer]) -> Answer:
        def guarded() -> Answer:
            outcome = _attempt(method, path, call)
            if self._bearer is not None and isinstance(outcome, RefusedError) and outcome.status == 401:
                # A 401 was not carried out, so asking once more with a new token is safe for writes too.
                self._bearer.forget()
                outcome = _attempt(method, path, call)
            if isinstance(outcome, NeighbourError):
                # Frames of requests and urllib3 hold headers; a log that shows local variables must not see them.
                raise outcome.with_traceback(None)
            return outcome

        def told() -> Answer:
            with observed(self._observe, NEIGHBOUR, self._clock):
                return guarded()

        return await asyncio.get_running_loop().run_in_executor(self._pool, told)


def _session(threads: int, ca_file: str | None) -> requests.Session:
    session = new_session(ca_file)
    retries = Retry(
        total=2,
        read=1,
        other=0,
        status_forcelist=(502, 503, 504),
        allowed_methods=frozenset({"GET"}),
        backoff_factor=0.1,
        respect_retry_after_header=False,
        raise_on_status=False,
    )
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=threads, max_retries=retries))
    return session


def _attempt(method: str, path: str, call: Callable[[], Answer]) -> Answer | NeighbourError:
    """Errors are returned, not raised, so that none carries a request with its credentials as its context."""
    write = method != "GET"
    where = f"ServiceNow {method} {path}"
    try:
        return call()
    except NeighbourError as error:
        return error
    except requests.RequestException as error:
        name = type(error).__name__
        if not write or _never_sent(error):
            return UnavailableError(f"{where} could not be done: {name}")
        return InDoubtError(f"{where} was sent, its answer was lost: {name}; look before trying again")
    except InvalidUsage:
        return RefusedError(f"{where}: not a path that ServiceNow has")
    except (NoResults, MultipleResults, MissingResult, ValueError, LookupError, TypeError) as error:
        kind = InDoubtError if write else UnavailableError
        return kind(f"{where}: expected one whole result, found none or several ({type(error).__name__})")


def _never_sent(error: requests.RequestException) -> bool:
    cause: object = error.args[0] if error.args else None
    if isinstance(cause, MaxRetryError):
        cause = cause.reason
    return isinstance(error, requests.ConnectTimeout) or isinstance(cause, (NewConnectionError, ConnectTimeoutError))
