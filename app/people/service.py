"""Who is who: every account belongs to one person, whose id says nothing about them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from app.clock import Clock, NewId
from app.db.database import Database, glance
from app.db.tx import Tx
from app.people import bearing, key_store, store
from app.people.errors import LinkError
from app.people.store import KnownAccount, LinkEvent
from app.privacy.sealer import Sealer
from integrations.github.port import Account
from manifests.record import Draft, facts
from manifests.vocabulary import Event

_CACHE_LIMIT = 200_000


def github_account(account: Account) -> str:
    return f"github:{account.id}"


def servicenow_account(sys_id: str) -> str:
    return f"servicenow:{sys_id}"


class People:
    """The registry of one tenant's persons. With ``sealer`` the log keeps their logins, sealed."""

    def __init__(
        self, tenant: str, database: Database, clock: Clock, new_id: NewId, sealer: Sealer | None = None
    ) -> None:
        self.tenant = tenant
        self._database = database
        self._clock = clock
        self._new_id = new_id
        self._sealer = sealer
        self._cache: dict[str, KnownAccount] = {}
        self._ever: dict[str, frozenset[str]] | None = None

    async def persons(self, accounts: Iterable[Account]) -> dict[str, KnownAccount]:
        """The registry's entry of each GitHub account, made on first sight, by account key."""
        wanted = {github_account(account): account for account in accounts}
        stale = {
            key: account
            for key, account in wanted.items()
            if (known := self._cache.get(key)) is None or known.login != account.login
        }
        if stale:
            found = await self._database.write(lambda tx: self._ensure(tx, stale))
            if len(self._cache) > _CACHE_LIMIT:
                self._cache.clear()
            self._cache.update(found)
        return {key: self._cache[key] for key in wanted}

    def _ensure(self, tx: Tx, accounts: dict[str, Account]) -> dict[str, KnownAccount]:
        found = store.known(tx, self.tenant, accounts)
        now = self._clock()
        for key, account in accounts.items():
            known = found.get(key)
            if known is None:
                found[key] = KnownAccount(key, account.login, account.type, self._new_id())
                store.add(tx, self.tenant, found[key], now)
                self._seen(tx, found[key])
            elif known.login != account.login:
                store.rename(tx, self.tenant, key, account.login)
                found[key] = KnownAccount(key, account.login, known.kind, known.person)
                self._seen(tx, found[key])
        return found

    def _seen(self, tx: Tx, known: KnownAccount) -> None:
        draft = self._draft("person.seen", known.person, {"account": known.account})
        tx.stage(self.tenant, self._sealed(tx, known.person, draft, known.login))

    def _sealed(self, tx: Tx, subject: str, draft: Draft, login: str) -> Draft:
        return draft if self._sealer is None else self._sealer.draft(tx, self.tenant, subject, draft, login=login)

    def forget(self) -> None:
        """Somebody was erased: what is remembered may still name them."""
        self._cache.clear()

    async def ever(self) -> dict[str, frozenset[str]]:
        """Persons that linked accounts were ever linked to; accounts never linked are not in it."""
        if self._ever is None:
            self._ever = await self._database.read(lambda tx: store.persons_ever(tx, self.tenant))
        return self._ever

    async def linked_persons(self) -> dict[str, str]:
        """The person of each account whose link has been confirmed and not taken back, as the log tells it."""
        return await self._database.read(self._borne_out)

    def _borne_out(self, tx: Tx) -> dict[str, str]:
        # The newest link that was ever made, and nothing where it was altered: an older one must not count again.
        newest = _linked(store.link_events(tx, self.tenant)).values()
        return {event.account: event.person for event in bearing.borne_out(tx, self.tenant, newest)}

    async def key_holders(self) -> dict[str, str]:
        """The person behind each enrolled key, by fingerprint, also of keys that were revoked since."""
        return await glance(self._database, lambda tx: key_store.holders(tx, self.tenant))

    async def linked(self, accounts: Sequence[str]) -> dict[str, KnownAccount]:
        """What is known of these accounts; accounts nobody linked or saw are left out."""
        return await self._database.read(lambda tx: store.known(tx, self.tenant, accounts))

    async def propose_link(self, account: str, login: str, person_of: str | None, by: str) -> LinkEvent:
        """Say that a ServiceNow account belongs to the person who owns ``person_of``, or (None) to somebody who
        has no other account. Counts once somebody else confirms it. Raises LinkError.
        """
        event_id, now, person = self._new_id(), self._clock(), self._new_id()

        def unit(tx: Tx) -> LinkEvent:
            if not account.startswith("servicenow:"):
                raise LinkError("expected a ServiceNow account: a person has one GitHub account")
            existing = store.known(tx, self.tenant, [account]).get(account)
            if existing is None:
                existing = KnownAccount(account, login, "User", person)
                store.add(tx, self.tenant, existing, now)
            owner = existing if person_of is None else store.known(tx, self.tenant, [person_of]).get(person_of)
            if owner is None:
                raise LinkError(
                    f"expected an account already known, found {person_of!r}; let the person act once first"
                )
            linked = _linked(store.link_events(tx, self.tenant))
            if account in linked and existing.person == owner.person:
                raise LinkError(f"{account} already belongs to that person")
            event = LinkEvent(event_id, account, owner.person, "proposed", by, now)
            store.add_link_event(tx, self.tenant, event)
            draft = self._link_draft("person.link_proposed", event)
            tx.stage(self.tenant, self._sealed(tx, account, draft, login))
            return event

        return await self._database.write(unit)

    async def confirm_link(self, link_id: str, by: str) -> LinkEvent:
        """Raises LinkError when it is unknown, settled already, or confirmed by whoever proposed it."""
        now = self._clock()

        def unit(tx: Tx) -> LinkEvent:
            steps = [event for event in store.link_events(tx, self.tenant) if event.id == link_id]
            if not steps:
                raise LinkError(f"expected the id of a proposed link, found {link_id!r}")
            if len(steps) > 1:
                raise LinkError(f"link {link_id} is {steps[-1].state} already")
            if steps[0].by == by:
                raise LinkError("expected a second person: who proposed a link cannot confirm it")
            event = LinkEvent(link_id, steps[0].account, steps[0].person, "linked", by, now)
            store.add_link_event(tx, self.tenant, event)
            store.reassign(tx, self.tenant, event.account, event.person)
            tx.stage(self.tenant, self._link_draft("person.linked", event))
            return event

        event = await self._database.write(unit)
        self._ever = None
        self._cache.pop(event.account, None)
        return event

    def _draft(self, event: Event, person: str, data: dict[str, str]) -> Draft:
        return Draft(
            trace_id=f"person-{person}", ts=self._clock(), stage="system", event=event, component="people",
            action=event.partition(".")[2], resource=f"person/{person}", outcome="ok", data=facts(data),
        )  # fmt: skip

    def _link_draft(self, event: Event, link: LinkEvent) -> Draft:
        data = {"account": link.account, "by": link.by, "link": link.id, "person": link.person}
        return self._draft(event, link.person, data)


def _linked(events: Sequence[LinkEvent]) -> dict[str, LinkEvent]:
    """The newest settled link of each account, where it stands."""
    newest = {event.account: event for event in events if event.state != "proposed"}
    return {account: last for account, last in newest.items() if last.state == "linked"}
