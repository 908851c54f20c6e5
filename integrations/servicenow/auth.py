"""How we prove to an instance who we are. Secrets never show in a repr."""

from __future__ import annotations

from collections.abc import Callable
from http.cookiejar import DefaultCookiePolicy
from threading import Lock

import msgspec
import requests
from requests.auth import AuthBase, HTTPBasicAuth

from integrations.errors import RateLimitedError, RefusedError, UnavailableError

_MARGIN_US = 60_000_000
_UNAUTHORISED = 401
_TOO_MANY = 429
_SERVER_ERROR = 500


class BasicCredentials(msgspec.Struct, frozen=True):
    """User name and password of the integration user."""

    user: str
    password: str

    def __repr__(self) -> str:
        return f"BasicCredentials(user={self.user!r}, password=…)"


class ClientCredentials(msgspec.Struct, frozen=True):
    """An OAuth client with the client_credentials grant (must be enabled on the instance)."""

    client_id: str
    client_secret: str

    def __repr__(self) -> str:
        return f"ClientCredentials(client_id={self.client_id!r}, client_secret=…)"


Credentials = BasicCredentials | ClientCredentials


class _Token(msgspec.Struct, frozen=True):
    access_token: str
    expires_in: int

    def __repr__(self) -> str:
        return f"_Token(expires_in={self.expires_in})"


def new_session(ca_file: str | None = None) -> requests.Session:
    """A session that keeps no cookies and ignores proxies, netrc and CA settings of the environment.

    Cookies bind calls to a server session, and a token call that carries one fails (PRB1927594).
    """
    session = requests.Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.verify = ca_file if ca_file is not None else True
    return session


class BearerAuth(AuthBase):
    """Puts a client_credentials token on each request; one fetch serves all threads until it is old."""

    def __init__(
        self,
        base_url: str,
        credentials: ClientCredentials,
        clock: Callable[[], int],
        timeout: tuple[float, float],
        ca_file: str | None,
    ) -> None:
        self._url = f"{base_url}/oauth_token.do"
        self._credentials = credentials
        self._clock = clock
        self._timeout = timeout
        self._session = new_session(ca_file)
        self._lock = Lock()
        self._token = ""
        self._good_until = 0

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._current()}"
        return request

    def forget(self) -> None:
        """Fetch anew before the next request (the instance no longer takes the token)."""
        with self._lock:
            self._good_until = 0

    def close(self) -> None:
        self._session.close()

    def _current(self) -> str:
        with self._lock:
            now = self._clock()
            if now >= self._good_until:
                token = self._fetch()
                self._token = token.access_token
                # A short-lived token is used for half its life rather than never.
                life = token.expires_in * 1_000_000
                self._good_until = now + max(life - _MARGIN_US, life // 2)
            return self._token

    def _form(self) -> dict[str, str]:
        return {
            "grant_type": "client_credentials",
            "client_id": self._credentials.client_id,
            "client_secret": self._credentials.client_secret,
        }

    def _fetch(self) -> _Token:
        try:
            answer = self._session.post(self._url, data=self._form(), timeout=self._timeout, allow_redirects=False)
        except requests.RequestException as error:
            failure = type(error).__name__
        else:
            return _read_token(answer)
        raise UnavailableError(f"ServiceNow's token endpoint could not be reached ({failure})")


def _read_token(answer: requests.Response) -> _Token:
    status = answer.status_code
    if status == _TOO_MANY:
        raise RateLimitedError("ServiceNow's token endpoint answered 429", status=status, retry_after=60.0)
    if _UNAUTHORISED - 1 <= status < _SERVER_ERROR:
        raise RefusedError(
            f"ServiceNow refused the OAuth client ({status}): check the client id and secret, that "
            "client_credentials is enabled and that the client has an application user",
            status=status,
        )
    try:
        token = msgspec.json.decode(answer.content, type=_Token)
    except msgspec.MsgspecError:
        token = None
    if status != requests.codes.ok or token is None or not token.access_token:
        raise UnavailableError(f"ServiceNow's token endpoint gave no token (status {status})", status=status)
    return token


def basic_auth(credentials: BasicCredentials) -> HTTPBasicAuth:
    """Basic authentication in UTF-8, which requests does not use for text by itself."""
    return HTTPBasicAuth(credentials.user.encode(), credentials.password.encode())
