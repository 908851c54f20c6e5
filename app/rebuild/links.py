"""account_links: every step of every link between an account and a person."""

from __future__ import annotations

import msgspec
from sqlalchemy import text

from app.db.tx import Tx
from app.rebuild.model import Projection, told
from app.rebuild.saying import say
from manifests.vocabulary import Event


class LinkRow(msgspec.Struct, frozen=True):
    id: str
    account: str
    person: str
    state: str
    by: str
    at: int


EVENTS: dict[str, Event] = {
    "proposed": "person.link_proposed",
    "linked": "person.linked",
    "unlinked": "person.unlinked",
}
PREFIX = "link"
_KEY = ("id", "state")
_COLUMNS = "id, account, person, state, by, at"
PROJECTION = Projection(
    table="account_links", row=LinkRow, key=_KEY, prefixes=(PREFIX,),
    derive=told("account_links", LinkRow, _KEY, *EVENTS.values()),
    adopt=lambda row: resource(row.id),
    select=text(f"SELECT {_COLUMNS} FROM account_links WHERE tenant = :log ORDER BY at, id"),
    add=text(
        f"INSERT INTO account_links (tenant, {_COLUMNS}) VALUES (:log, :id, :account, :person, :state, :by, :at)"
    ),
)  # fmt: skip


def resource(link_id: str) -> str:
    return f"{PREFIX}/{link_id}"


def rows(tx: Tx, log: str) -> tuple[LinkRow, ...]:
    return tuple(LinkRow(*tuple(row)) for row in tx.all(PROJECTION.select, log=log))


def say_link(tx: Tx, log: str, link: LinkRow) -> None:
    say(
        tx, log, EVENTS[link.state], resource(link.id), [link], trace_id=f"person-{link.person}", ts=link.at,
        component="people", actor_ref=link.by,
    )  # fmt: skip
