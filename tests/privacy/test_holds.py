"""A legal hold is placed by one and lifted by two."""

from __future__ import annotations

import pytest

from app.privacy import holds, store
from app.privacy.errors import PrivacyError
from tests.privacy.world import LOG, world


async def test_it_takes_two_to_lift_what_one_has_placed(database_url: str) -> None:
    async with world(database_url) as at:
        ada = await at.person(1, "ada")
        placed = await at.holds.place(LOG, "ada", "a court asks", "token:one")
        assert (placed.state, placed.subject, placed.reason) == ("placed", ada, "a court asks")
        asked = await at.holds.lift(LOG, placed.id, "it is over", "token:one")
        assert (asked.state, asked.lift_requested_by) == ("lift_requested", "token:one")
        assert await at.database.read(lambda tx: holds.over(tx, LOG, store.subject(tx, LOG, ada))) == (placed.id,)
        with pytest.raises(PrivacyError) as error:
            await at.holds.lift(LOG, placed.id, "it is over", "token:one")
        assert error.value.code == "hold.second_person"
        lifted = await at.holds.lift(LOG, placed.id, "it is over", "token:two")
        assert (lifted.state, lifted.lifted_by) == ("lifted", "token:two")
        assert await at.database.read(lambda tx: holds.over(tx, LOG, store.subject(tx, LOG, ada))) == ()
        with pytest.raises(PrivacyError) as error:
            await at.holds.lift(LOG, placed.id, "it is over", "token:three")
        assert error.value.code == "hold.settled"
        assert await at.holds.all(LOG) == (lifted,)
        events = [record.event for record in await at.records() if record.event.startswith("hold.")]
        assert events == ["hold.placed", "hold.lift_requested", "hold.lifted"]


async def test_a_hold_on_everything_stands_over_everybody(database_url: str) -> None:
    async with world(database_url) as at:
        await at.person(1, "ada")
        await at.holds.place(LOG, "*", "a court asks", "token:one")
        with pytest.raises(PrivacyError, match="legal hold"):
            await at.erasures.request(LOG, "ada", "they asked", "token:one")


async def test_a_hold_that_nobody_placed_cannot_be_lifted(database_url: str) -> None:
    async with world(database_url) as at:
        with pytest.raises(PrivacyError) as error:
            await at.holds.lift(LOG, "h", "why not", "token:one")
        assert (error.value.code, error.value.status) == ("hold.unknown", 404)


async def test_a_hold_on_an_account_stands_over_whoever_it_turns_out_to_be(database_url: str) -> None:
    async with world(database_url) as at:
        await at.database.write(lambda tx: at.keys.current(tx, LOG, "github:9"))
        placed = await at.holds.place(LOG, "github:9", "a court asks", "token:one")
        assert placed.subject == "github:9"
        await at.person(9, "nina")
        with pytest.raises(PrivacyError, match="legal hold"):
            await at.erasures.request(LOG, "nina", "they asked", "token:one")


async def test_rows_without_records_lift_no_hold(database_url: str) -> None:
    async with world(database_url) as at:
        ada = await at.person(1, "ada")
        placed = await at.holds.place(LOG, "ada", "a court asks", "token:one")
        row = (
            "INSERT INTO legal_holds (id, state, tenant, subject, reason, by, at)"
            " VALUES (:id, :state, :log, :ada, '', 'token:two', 1)"
        )
        await at.run(row, id=placed.id, state="lift_requested", log=LOG, ada=ada)
        with pytest.raises(PrivacyError) as error:
            await at.holds.lift(LOG, placed.id, "it is over", "token:one")
        assert error.value.code == "hold.not_recorded"
        await at.run(row, id=placed.id, state="lifted", log=LOG, ada=ada)
        with pytest.raises(PrivacyError, match="legal hold"):
            await at.erasures.request(LOG, "ada", "they asked", "token:one")
