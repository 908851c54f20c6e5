"""Who may sign in to the simulated instance, and as whom a request acts."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Callable

import msgspec

from integrations.servicenow.simulator.store import Row, Store

READ_CHANGES = frozenset({"admin", "itil", "change_manager", "sn_change_read"})
WRITE_CHANGES = frozenset({"admin", "itil", "change_manager"})


class Caller(msgspec.Struct, frozen=True):
    """``sys_id`` of the sys_user row, and the roles it holds."""

    sys_id: str
    user_name: str
    roles: frozenset[str]

    def may_read_changes(self) -> bool:
        return bool(self.roles & READ_CHANGES)

    def may_write_changes(self) -> bool:
        return bool(self.roles & WRITE_CHANGES)


class _Account(msgspec.Struct, frozen=True):
    caller: Caller
    password: str


class _OAuthClient(msgspec.Struct, frozen=True):
    secret: str
    user_name: str


class _Token(msgspec.Struct, frozen=True):
    text: str
    user_name: str
    client_id: str
    until: int


class People:
    """Accounts, OAuth clients and tokens. Instants are microseconds."""

    def __init__(self, store: Store, clock: Callable[[], int]) -> None:
        self._store = store
        self._clock = clock
        self._accounts: dict[str, _Account] = {}
        self._clients: dict[str, _OAuthClient] = {}
        self._tokens: dict[str, _Token] = {}
        self._sessions: dict[str, str] = {}

    def add(self, row: Row, password: str, roles: frozenset[str]) -> None:
        caller = Caller(row["sys_id"], row["user_name"], roles)
        self._accounts[caller.user_name] = _Account(caller, password)

    def add_client(self, client_id: str, secret: str, user_name: str) -> None:
        self._clients[client_id] = _OAuthClient(secret, user_name)

    def named(self, user_name: str) -> Caller:
        """LookupError when no account has this name."""
        return self._accounts[user_name].caller

    def authenticate(self, header: str, session: str) -> Caller | None:
        """The caller of a request; a session cookie outlives the credentials beside it."""
        name = self._sessions.get(session) or self._by_header(header)
        account = self._accounts.get(name)
        if account is None:
            return None
        row = self._store.get("sys_user", account.caller.sys_id)
        return account.caller if row is not None and row["active"] == "true" else None

    def open_session(self, caller: Caller) -> str:
        session = secrets.token_hex(16).upper()
        self._sessions[session] = caller.user_name
        return session

    def knows_session(self, session: str) -> bool:
        return session in self._sessions

    def token(self, client_id: str, secret: str, life_s: int) -> tuple[str, int] | None:
        """The client's current token and the seconds left to it: the same one until it expires."""
        client = self._clients.get(client_id)
        if client is None or client.secret != secret:
            return None
        now = self._clock()
        for token in self._tokens.values():
            if token.client_id == client_id and token.until > now:
                return token.text, (token.until - now) // 1_000_000
        token = _Token(secrets.token_urlsafe(32), client.user_name, client_id, now + life_s * 1_000_000)
        self._tokens[token.text] = token
        return token.text, life_s

    def revoke_tokens(self) -> None:
        self._tokens.clear()

    def _by_header(self, header: str) -> str:
        scheme, _, value = header.partition(" ")
        if scheme.lower() == "bearer":
            token = self._tokens.get(value)
            return token.user_name if token is not None and token.until > self._clock() else ""
        if scheme.lower() != "basic":
            return ""
        try:
            name, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return ""
        account = self._accounts.get(name)
        return name if account is not None and password and account.password == password else ""
