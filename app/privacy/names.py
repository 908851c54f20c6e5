"""Names are put in when something is shown, never where it is kept.

Facts and verdicts are kept for years and must replay to the same bytes, so they name an account by a mark,
``{name:github:123}``. Whoever shows a text puts the login in, as the registry has it then; who was erased, or is not
known, is "a person".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec
from markupsafe import escape
from sqlalchemy import bindparam, text

from app.db.database import Database, glance
from app.db.tx import Tx
from gates.model import Result, Verdict
from manifests.command_text import storable

NOBODY = "a person"

_MARK = re.compile(r"\{name:([a-z]+:[^{}\s\"<>…]{1,200})\}")
# A text that was cut to a length may end inside a mark.
_CUT = re.compile(r"\{n(?:a(?:m(?:e(?::[^{}\s\"<>…]*)?)?)?)?…")
_LOGINS = text("SELECT account, login FROM accounts WHERE tenant = :tenant AND account IN :accounts").bindparams(
    bindparam("accounts", expanding=True)
)
_AT_ONCE = 500


def mark(account: str) -> str:
    """What stands for the name of ``github:<id>`` or ``servicenow:<sys_id>`` in what is kept."""
    return f"{{name:{account}}}" if account else ""


def marked(texts: Iterable[str]) -> frozenset[str]:
    """The accounts that are named by marks."""
    return frozenset(account for one in texts if "{name:" in one for account in _MARK.findall(one))


def in_text(tx: Tx, tenant: str, told: str) -> str:
    """Plain text as people read it."""
    return _put(told, logins(tx, tenant, marked([told])), str)


def in_verdicts(tx: Tx, tenant: str, verdicts: Iterable[Verdict]) -> tuple[Verdict, ...]:
    """Verdicts as people read them."""
    kept = tuple(verdicts)
    known = logins(tx, tenant, marked(s for one in kept for result in one.results for s in _sentences(result)))
    return tuple(
        msgspec.structs.replace(one, results=tuple(_named(result, known) for result in one.results)) for one in kept
    )


async def in_json(database: Database, tenant: str, body: bytes) -> bytes:
    """A JSON document with names inside its strings. The database is asked only where there are marks."""
    told = body.decode()
    return (await _shown(database, tenant, told, lambda name: msgspec.json.encode(name)[1:-1].decode())).encode()


async def in_html(database: Database, tenant: str, page: str) -> str:
    """A page with names, escaped."""
    return await _shown(database, tenant, page, lambda name: str(escape(storable(name))))


def logins(tx: Tx, tenant: str, accounts: Iterable[str]) -> dict[str, str]:
    """The login of each account that has one."""
    wanted = sorted(accounts)
    found: dict[str, str] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        rows = tx.all(_LOGINS, tenant=tenant, accounts=wanted[start : start + _AT_ONCE])
        found.update((row.account, row.login) for row in rows if row.login)
    return found


async def _shown(database: Database, tenant: str, told: str, written: Callable[[str], str]) -> str:
    accounts = marked([told])
    known = await glance(database, lambda tx: logins(tx, tenant, accounts)) if accounts else {}
    return _put(told, known, written)


def _put(told: str, known: Mapping[str, str], written: Callable[[str], str]) -> str:
    if "{n" not in told:
        return told
    whole = _MARK.sub(lambda match: written(known.get(match[1], NOBODY)), told)
    return _CUT.sub(f"{NOBODY}…", whole)


def _sentences(result: Result) -> Iterator[str]:
    yield from (result.summary, result.remedy, result.who, result.changes)
    for child in result.children:
        yield from _sentences(child)


def _named(result: Result, known: Mapping[str, str]) -> Result:
    if not any("{n" in sentence for sentence in _sentences(result)):
        return result
    return msgspec.structs.replace(
        result, summary=_put(result.summary, known, str), remedy=_put(result.remedy, known, str),
        who=_put(result.who, known, str), changes=_put(result.changes, known, str),
        children=tuple(_named(child, known) for child in result.children),
    )  # fmt: skip
