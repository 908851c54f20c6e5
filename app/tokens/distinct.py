"""Whether two tokens may act as two people.

Whoever may make tokens could make two and confirm with the one what they proposed with the other. So no two tokens
count as two people that one of them, or a third token, made. A token that was made on the server itself counts as made
by the operator, who hands it to whom they mean: two of those are distinct.
"""

from __future__ import annotations

from app.audit import store as audit
from app.audit.errors import RecordAlteredError
from app.db.tx import Tx
from app.rebuild import tokens

_PREFIX = "token:"
MAX_MAKERS = 32


def distinct(tx: Tx, log: str, one: str, other: str) -> str:
    """Empty if two actors are as different as can be told, else why not, in a sentence.

    Asks the log, not the table, who made a token. Actors that are no tokens are as different as their names.
    """
    if one == other:
        return f"{one} did both"
    try:
        makers, others = _makers(tx, log, one), _makers(tx, log, other)
    except _UnknownMakerError as error:
        return str(error)
    shared = [maker for maker in makers if maker in others]
    if not shared:
        return ""
    if shared[0] in (one, other):
        made = other if shared[0] == one else one
        return f"{made} was made with {shared[0]}, so one person may hold both"
    return f"{one} and {other} were both made with {shared[0]}, so one person may hold both"


class _UnknownMakerError(Exception):
    """Nobody can tell who made a token."""


def _makers(tx: Tx, log: str, actor: str) -> list[str]:
    """The actor and whoever made it, and so on, up to the operator, who is left out."""
    found: list[str] = []
    while actor.startswith(_PREFIX):
        if actor in found or len(found) >= MAX_MAKERS:
            raise _UnknownMakerError(f"the makers of {found[0]} are more than can be followed")
        found.append(actor)
        actor = _maker(tx, log, actor)
    return found or [actor]


def _maker(tx: Tx, log: str, actor: str) -> str:
    identifier = actor.removeprefix(_PREFIX)
    try:
        told = tokens.derive(audit.records_of(tx, log, tokens.resource(identifier)))
    except RecordAlteredError as error:
        raise _UnknownMakerError(f"record {error.seq} of {actor} was altered") from error
    made = told.get((identifier,))
    if made is None:
        raise _UnknownMakerError(f"no record tells who made {actor}")
    return made.row.made_by or tokens.OPERATOR
