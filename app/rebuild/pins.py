"""group_pins: the id that each team had when its name was first looked up."""

from __future__ import annotations

import msgspec
from sqlalchemy import text

from app.db.tx import Tx
from app.rebuild.model import Projection, told
from app.rebuild.saying import say


class PinRow(msgspec.Struct, frozen=True):
    team: str
    team_id: int
    at: int


PROJECTION = Projection(
    table="group_pins", row=PinRow, key=("team",), prefixes=("pin",),
    derive=told("group_pins", PinRow, ("team",), "group.pinned"),
    adopt=lambda row: resource(row.team),
    select=text("SELECT team, team_id, at FROM group_pins WHERE tenant = :log"),
    add=text("INSERT INTO group_pins (tenant, team, team_id, at) VALUES (:log, :team, :team_id, :at)"),
    change=text("UPDATE group_pins SET team_id = :team_id, at = :at WHERE tenant = :log AND team = :team"),
    remove=text("DELETE FROM group_pins WHERE tenant = :log AND team = :team"),
)  # fmt: skip
_ONE = text("SELECT team, team_id, at FROM group_pins WHERE tenant = :log AND team = :team")


def resource(team: str) -> str:
    return f"pin/{team}"


def rows(tx: Tx, log: str, team: str) -> tuple[PinRow, ...]:
    return tuple(PinRow(*tuple(row)) for row in tx.all(_ONE, log=log, team=team))


def say_pin(tx: Tx, log: str, pin: PinRow) -> None:
    say(tx, log, "group.pinned", resource(pin.team), [pin], trace_id="groups", ts=pin.at, component="people")
