"""Links and accounts as the log tells them, and how the tables differ. What the log does not bear out links nobody."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from app.audit.errors import RecordAlteredError
from app.db.tx import Tx
from app.people.store import KnownAccount, LinkEvent
from app.rebuild import accounts, links
from app.rebuild.compare import compare
from app.rebuild.memory import Memory


class Links(msgspec.Struct, frozen=True):
    """Every step of every link, oldest first, and what differs from it in the table."""

    events: tuple[LinkEvent, ...] = ()
    differences: tuple[str, ...] = ()

    @property
    def ever(self) -> dict[str, frozenset[str]]:
        """Every person that an account was ever linked to; accounts never linked are not in it."""
        found: dict[str, set[str]] = {}
        for event in self.events:
            if event.state != "proposed":
                found.setdefault(event.account, set()).add(event.person)
        return {account: frozenset(persons) for account, persons in found.items()}

    @property
    def standing(self) -> dict[str, LinkEvent]:
        """The newest settled link of each account, where it was not taken back."""
        newest = {event.account: event for event in self.events if event.state != "proposed"}
        return {account: last for account, last in newest.items() if last.state == "linked"}


def links_of(tx: Tx, memory: Memory, log: str) -> Links:
    try:
        said = memory.under(tx, log, links.PROJECTION, links.PREFIX)
    except RecordAlteredError as error:
        return Links(differences=(_altered(error),))
    told = sorted(said.values(), key=lambda one: one.seq)
    events = tuple(LinkEvent(*msgspec.structs.astuple(one.row)) for one in told)
    return Links(events, tuple(map(str, compare(links.PROJECTION, said, links.rows(tx, log)))))


def strangers(
    tx: Tx, memory: Memory, log: str, known: Iterable[KnownAccount], linked: Mapping[str, LinkEvent]
) -> dict[str, str]:
    """The accounts whose person is not the one that the log tells, each with the difference."""
    rows = tuple(known)
    wanted = [(accounts.PROJECTION, accounts.resource(row.person)) for row in rows]
    try:
        said = memory.look(tx, log, wanted).of(accounts.PROJECTION)
    except RecordAlteredError as error:
        return {row.account: _altered(error) for row in rows}
    found = {}
    for row in rows:
        link, seen = linked.get(row.account), said.get((row.account,))
        if link is not None and link.person != row.person:
            found[row.account] = (
                f"the row {row.account} of accounts says {row.person}, but link {link.id} {link.person}"
            )
        elif link is None and seen is None:
            found[row.account] = f"the row {row.account} of accounts says {row.person}, but no record tells of it"
        elif seen is not None and seen.row.kind not in (msgspec.UNSET, row.kind):
            found[row.account] = (
                f"the row {row.account} of accounts says {row.kind}, but record {seen.seq} says {seen.row.kind}"
            )
    return found


def _altered(error: RecordAlteredError) -> str:
    return f"record {error.seq} of log {error.log} was altered: {error.what}"
