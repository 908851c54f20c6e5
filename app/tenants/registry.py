"""Tenants: who they are, what policy stands over their repositories, and their neighbours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from app.facts.groups import Groups
from app.facts.identity import Reporting
from app.people.service import People
from app.tenants.model import SYSTEM
from integrations.identity.port import Identity
from integrations.servicenow.port import ServiceNow
from manifests.canonical import sha256_hex
from manifests.policy import TenantPolicy

__all__ = ["SYSTEM", "Tenant", "Tenants"]


class Tenant:
    """One customer. ``policy_text`` is kept verbatim: decisions name its digest, and that of the ``settings``."""

    def __init__(
        self, tenant_id: str, policy: TenantPolicy, policy_text: bytes, people: People, groups: Groups,
        servicenow: ServiceNow | None = None, servicenow_url: str = "", poll_s: float = 15, settings: str = "",
        identity: Identity | None = None, reporting: Reporting | None = None,
    ) -> None:  # fmt: skip
        self.id = tenant_id
        self.policy = policy
        self.policy_text = policy_text
        self.policy_digest = sha256_hex(policy_text)
        self.people = people
        self.groups = groups
        self.servicenow = servicenow
        self.servicenow_url = servicenow_url
        self.poll_s = poll_s
        self.settings = settings
        self.identity = identity
        self.reporting = reporting

    def lists(self, repository: str, base_ref: str) -> bool:
        """Whether pull requests into this branch can be allowed at all."""
        return base_ref in self.listed_refs(repository)

    def listed_refs(self, repository: str) -> frozenset[str]:
        """The branches of a repository into which pull requests can be allowed."""
        owner = repository.partition("/")[0].lower()
        entries = (
            entry.refs
            for entry in self.policy.base_refs
            if entry.repository.lower() in (repository.lower(), f"{owner}/*")
        )
        return frozenset(ref for refs in entries for ref in refs)


class Tenants:
    """Found by id or by an installation that the tenant's policy lists; nothing crosses tenants."""

    def __init__(self, tenants: Iterable[Tenant]) -> None:
        self._by_id = {tenant.id: tenant for tenant in tenants}
        self._by_installation: dict[int, Tenant] = {}
        for tenant in self._by_id.values():
            for installation in tenant.policy.installations:
                if installation in self._by_installation:
                    raise ValueError(
                        f"expected each installation in one tenant policy, found {installation} in those of "
                        f"{self._by_installation[installation].id} and {tenant.id}"
                    )
                self._by_installation[installation] = tenant

    def __iter__(self) -> Iterator[Tenant]:
        return iter(self._by_id.values())

    def get(self, tenant_id: str) -> Tenant | None:
        return self._by_id.get(tenant_id)

    def of_installation(self, installation_id: int | None) -> Tenant | None:
        return None if installation_id is None else self._by_installation.get(installation_id)
