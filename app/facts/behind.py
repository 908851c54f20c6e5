"""The persons behind a release: who had a hand in it, and whose keys signed its documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from app.clock import Clock
from app.facts import documents
from app.facts.content import RepositoryContent
from app.facts.contributors import Trace, contributors, traces
from app.facts.documents import ReadDocument
from app.pulls.store import Head, Repository
from app.tenants.registry import Tenant
from gates.model import Contributors, Policies, SignedDocument
from integrations.errors import NeighbourError, NotFoundError, RateLimitedError, UnavailableError
from integrations.github.port import Account, GitHub, Pull


class Behind:
    """Asks GitHub for commits and accounts, and the registry for persons."""

    def __init__(self, content: RepositoryContent, clock: Clock) -> None:
        self._content = content
        self._clock = clock

    async def contributors(
        self, tenant: Tenant, github: GitHub, repository: Repository, pull: Pull, heads: Sequence[Head],
        read: Sequence[ReadDocument],
    ) -> Contributors:  # fmt: skip
        """Raises NeighbourError where it may be otherwise in a moment; what GitHub refuses is a contributor unknown."""
        key = (repository.id, repository.name)
        asked_at = self._clock()
        try:
            commits = await self._content.pull_commits(github, key, pull)
            found = list(traces(pull, commits, heads, read))
        except (NotFoundError, RateLimitedError, UnavailableError):
            raise
        except NeighbourError as error:
            found = [
                *traces(pull, (), heads, read),
                Trace("author", "", unknown=f"The commits cannot be read: {error}."),
            ]
        named: list[Account] = []
        for login in sorted({login for document in read for login in document.named_people}):
            try:
                named.append(await github.account(login))
            except NotFoundError:
                unknown = f"The lineage or evidence names {login!r}, which is no GitHub account."
                found.append(Trace("evidence", "", unknown=unknown))
        return await contributors(tenant.people, found, named, asked_at)

    async def signed(
        self, tenant: Tenant, github: GitHub, policies: Policies, read: Sequence[ReadDocument]
    ) -> tuple[SignedDocument, ...]:
        """The documents with the persons who are known to hold a key that signed them."""
        holders = await tenant.people.key_holders({key for document in read for key in document.facts.signers})
        return tuple([await self._with_people(tenant, github, policies, document.facts, holders) for document in read])

    async def _with_people(
        self, tenant: Tenant, github: GitHub, policies: Policies, document: SignedDocument, holders: Mapping[str, str]
    ) -> SignedDocument:
        trusted = documents.trusted_keys(tenant.policy, policies.repository)
        logins = {signer.person for signer in trusted if signer.person and signer.key in document.signers}
        accounts = [await github.account(login) for login in sorted(logins)]
        people = {known.person for known in (await tenant.people.persons(accounts)).values()}
        people |= {holders[key] for key in document.signers if key in holders}
        return msgspec.structs.replace(document, signer_people=tuple(sorted(people)))
