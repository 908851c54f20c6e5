"""Who is who: every account belongs to one person, whose id says nothing about them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from app.audit.errors import RecordAlteredError
from app.clock import SECOND, Clock, NewId
from app.db.database import Database, glance
from app.db.tx import Tx
from app.people import bearing, key_bearing, store
from app.people.bearing import Links
from app.people.errors import LinkError
from app.people.store import KnownAccount, LinkEvent
from app.privacy.sealer import Sealer
from app.rebuild.memory import Memory
from app.rebuild.settled import settled
from app.tokens.distinct import distinct
from integrations.github.port import Account
from manifests.record import Draft, facts
from manifests.vocabulary import Event

_CACHE_LIMIT = 200_000
_KEYS = "keys"
LINKS_AGE_S = 15
"""How long a link that another replica confirmed may go unnoticed."""


def _renamed(known: KnownAccount, account: Account) -> bool:
    """What is kept of somebody's words has no login."""
    return bool(account.login) and known.login != account.login


def github_account(account: Account) -> str:
    return f"github:{account.id}"


def servicenow_account(sys_id: str) -> str:
    return f"servicenow:{sys_id}"


def idp_account(subject: str) -> str:
    return f"idp:{subject}"


LINKED = ("servicenow:", "idp:")
"""Accounts that are linked to persons by two others; a person's GitHub account is whose it is by acting."""


class People:
    """The registry of one tenant's persons. ``differences`` is where its tables are not what the log says. With
    ``sealer`` the log keeps their logins, sealed."""

    def __init__(
        self, tenant: str, database: Database, clock: Clock, new_id: NewId, memory: Memory | None = None,
        sealer: Sealer | None = None,
    ) -> None:  # fmt: skip
        self.tenant = tenant
        self._database = database
        self._clock = clock
        self._new_id = new_id
        self._memory = memory or Memory()
        self._sealer = sealer
        self._cache: dict[str, KnownAccount] = {}
        self._strange: dict[str, str] = {}
        self._links = Links()
        self._links_at: int | None = None

    @property
    def differences(self) -> tuple[str, ...]:
        return (*self._links.differences, *self._strange.values())

    async def persons(self, accounts: Iterable[Account]) -> dict[str, KnownAccount]:
        """The registry's entry of each GitHub account, made on first sight, by account key."""
        wanted = {github_account(account): account for account in accounts}
        stale = {
            key: account
            for key, account in wanted.items()
            if (known := self._cache.get(key)) is None or _renamed(known, account) or key in self._strange
        }
        if stale:
            found = await self._database.write(lambda tx: self._ensure(tx, stale))
            await self._compare(found)
            if len(self._cache) > _CACHE_LIMIT:
                self._cache.clear()
            self._cache.update(found)
        return {key: self._cache[key] for key in wanted}

    async def _compare(self, found: dict[str, KnownAccount]) -> None:
        """Hold the accounts just read to what the log says of their persons."""
        links = await self.links()
        strange = await settled(
            self._database,
            lambda tx: bearing.strangers(tx, self._memory, self.tenant, found.values(), links.standing),
            bool,
        )
        for account in found:
            self._strange.pop(account, None)
        self._strange.update(strange)

    def _ensure(self, tx: Tx, accounts: dict[str, Account]) -> dict[str, KnownAccount]:
        found = store.known(tx, self.tenant, accounts)
        now = self._clock()
        for key, account in accounts.items():
            known = found.get(key)
            if known is None:
                found[key] = KnownAccount(key, account.login, account.type, self._new_id())
                self._add(tx, found[key], now)
            elif _renamed(known, account):
                store.rename(tx, self.tenant, key, account.login)
                found[key] = KnownAccount(key, account.login, known.kind, known.person)
                self._seen(tx, found[key])
        return found

    def _add(self, tx: Tx, known: KnownAccount, now: int) -> None:
        store.add(tx, self.tenant, known, now)
        self._seen(tx, known)

    def _seen(self, tx: Tx, known: KnownAccount) -> None:
        """On record when first seen and whenever the login is another one."""
        draft = self._draft("person.seen", known.person, {"account": known.account, "kind": known.kind})
        # Another person may own a ServiceNow account one day: its login is under a key of its own.
        subject = known.person if known.account.startswith("github:") else known.account
        tx.stage(self.tenant, self._sealed(tx, subject, draft, known.login))

    def _sealed(self, tx: Tx, subject: str, draft: Draft, login: str) -> Draft:
        return draft if self._sealer is None else self._sealer.draft(tx, self.tenant, subject, draft, login=login)

    def forget(self) -> None:
        """Somebody was erased: what is remembered may still name them."""
        self._cache.clear()

    async def links(self) -> Links:
        """Every step of every link as the log tells it, at most some seconds old."""
        now = self._clock()
        if self._links_at is None or not 0 <= now - self._links_at <= LINKS_AGE_S * SECOND:
            self._links = await settled(
                self._database, lambda tx: bearing.links_of(tx, self._memory, self.tenant),
                lambda found: bool(found.differences),
            )  # fmt: skip
            self._links_at = now
        return self._links

    async def ever(self) -> dict[str, frozenset[str]]:
        """Persons that linked accounts were ever linked to; accounts never linked are not in it."""
        return (await self.links()).ever

    async def linked_persons(self) -> dict[str, str]:
        """The person of each account whose link has been confirmed and not taken back, as the log tells it; none
        while the table differs."""
        links = await self.links()
        return {} if links.differences else {account: link.person for account, link in links.standing.items()}

    async def beside(self, accounts: Iterable[str]) -> dict[str, tuple[KnownAccount, ...]]:
        """Every account of the person to whom each of these accounts was linked, itself among them, as log and tables
        agree; accounts that are linked to nobody are left out."""
        persons = await self.linked_persons()
        wanted = {account: persons[account] for account in accounts if account in persons}
        found = await self._database.read(lambda tx: store.of_persons(tx, self.tenant, wanted.values()))
        await self._compare({known.account: known for known in found})
        theirs: dict[str, list[KnownAccount]] = {}
        for known in found:
            if known.account not in self._strange:
                theirs.setdefault(known.person, []).append(known)
        beside = {account: tuple(theirs.get(person, ())) for account, person in wanted.items()}
        return {account: mine for account, mine in beside.items() if any(one.account == account for one in mine)}

    async def key_holders(self, fingerprints: Iterable[str]) -> dict[str, str]:
        """The person behind each of these keys that was ever enrolled, also of those revoked since."""
        wanted = sorted(set(fingerprints))
        if not wanted:
            return {}
        try:
            found = await glance(self._database, lambda tx: key_bearing.holders(tx, self._memory, self.tenant, wanted))
        except RecordAlteredError as error:
            self._strange[_KEYS] = f"record {error.seq} of a key that signed was altered: {error.what}"
            return {}
        self._strange.pop(_KEYS, None)
        return found

    async def linked(self, accounts: Sequence[str]) -> dict[str, KnownAccount]:
        """What is known of these accounts; accounts nobody linked or saw are left out."""
        return await self._database.read(lambda tx: store.known(tx, self.tenant, accounts))

    async def propose_link(self, account: str, login: str, person_of: str | None, by: str) -> LinkEvent:
        """Say that an account of ServiceNow or of the identity provider belongs to the person who owns ``person_of``,
        or (None) to somebody who has no other account. Counts once somebody else confirms it. Raises LinkError.
        """
        event_id, now, person = self._new_id(), self._clock(), self._new_id()

        def unit(tx: Tx) -> LinkEvent:
            if not account.startswith(LINKED):
                raise LinkError(
                    "expected an account of ServiceNow or of the identity provider: a person has one GitHub account"
                )
            existing = store.known(tx, self.tenant, [account]).get(account)
            if existing is None:
                existing = KnownAccount(account, login, "User", person)
                self._add(tx, existing, now)
            owner = existing if person_of is None else store.known(tx, self.tenant, [person_of]).get(person_of)
            if owner is None:
                raise LinkError(
                    f"expected an account already known, found {person_of!r}; let the person act once first"
                )
            linked = Links(store.link_events(tx, self.tenant)).standing
            if account in linked and existing.person == owner.person:
                raise LinkError(f"{account} already belongs to that person")
            event = LinkEvent(event_id, account, owner.person, "proposed", by, now)
            store.add_link_event(tx, self.tenant, event)
            return event

        return await self._database.write(unit)

    async def confirm_link(self, link_id: str, by: str) -> LinkEvent:
        """Raises LinkError when it is unknown, settled already, confirmed by whoever proposed it, or differs from
        the log."""
        now = self._clock()
        self._links_at = None
        if differences := (await self.links()).differences:
            raise LinkError(f"expected links that the log bears out: {differences[0]}")

        def unit(tx: Tx) -> LinkEvent:
            steps = [event for event in store.link_events(tx, self.tenant) if event.id == link_id]
            if not steps:
                raise LinkError(f"expected the id of a proposed link, found {link_id!r}")
            if len(steps) > 1:
                raise LinkError(f"link {link_id} is {steps[-1].state} already")
            if same := distinct(tx, self.tenant, steps[0].by, by):
                raise LinkError(f"expected a second person: who proposed a link cannot confirm it; {same}")
            event = LinkEvent(link_id, steps[0].account, steps[0].person, "linked", by, now)
            store.add_link_event(tx, self.tenant, event)
            store.reassign(tx, self.tenant, event.account, event.person)
            return event

        event = await self._database.write(unit)
        self._links_at = None
        self._cache.pop(event.account, None)
        return event

    def _draft(self, event: Event, person: str, data: dict[str, str]) -> Draft:
        return Draft(
            trace_id=f"person-{person}", ts=self._clock(), stage="system", event=event, component="people",
            action=event.partition(".")[2], resource=f"person/{person}", outcome="ok", data=facts(data),
        )  # fmt: skip
