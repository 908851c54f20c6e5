"""What the settings name, made ready to be used: tenants with their neighbours, GitHub, artifacts, alerts."""

from __future__ import annotations

from functools import partial

from app.alerts.service import Alerts
from app.clock import Clock, NewId
from app.consents.alarms import raise_differences
from app.db.database import Database
from app.facts.github_groups import github_sources
from app.facts.groups import Groups
from app.facts.identity import Reporting, idp_source
from app.facts.members import Memberships
from app.facts.outside_groups import OutsideGroups
from app.facts.servicenow_groups import servicenow_source
from app.metrics import Metrics
from app.people.service import People
from app.privacy.sealer import Sealer
from app.rebuild.memory import Memory
from app.settings.model import IdentitySettings, ServiceNowSettings, Settings, TenantSettings
from app.tenants.registry import Tenant
from integrations.alerts.client import AppriseChannel
from integrations.artifacts.client import Artifacts as ArtifactClient
from integrations.github.client import RestGitHubApp
from integrations.github.port import GitHubApp
from integrations.identity.client import ScimIdentity
from integrations.observing import Observe
from integrations.servicenow.auth import BasicCredentials, ClientCredentials
from integrations.servicenow.client import PysnowServiceNow
from manifests.policy_parser import parse_tenant_policy


def open_tenant(
    one: TenantSettings, settings: Settings, database: Database, clock: Clock, make_id: NewId, sealer: Sealer,
    memory: Memory, metrics: Metrics,
) -> Tenant:  # fmt: skip
    """A tenant with its policy, people and neighbours. Raises ManifestError for a policy with mistakes, OSError."""
    text = one.policy.read_bytes()
    people = People(one.id, database, clock, make_id, memory, sealer)
    policy = parse_tenant_policy(text, str(one.policy))
    told = partial(raise_differences, metrics)
    members = Memberships(one.id, database, people, clock, memory, told, policy.people.machines)
    servicenow = _servicenow(one.servicenow, clock, settings, metrics.neighbour_called) if one.servicenow else None
    in_servicenow = OutsideGroups("servicenow-group", "ServiceNow", members, people, clock)
    identity = _identity(one.identity, clock, settings, metrics.neighbour_called) if one.identity else None
    in_identity = OutsideGroups("idp-group", "the identity provider", members, people, clock)
    sources = (
        *github_sources(members), servicenow_source(in_servicenow, servicenow), idp_source(in_identity, identity)
    )  # fmt: skip
    groups = Groups(sources, clock, people.linked_persons)
    return Tenant(
        one.id, policy, text, people, groups,
        servicenow, one.servicenow.url if one.servicenow else "", one.servicenow.poll_s if one.servicenow else 15,
        settings.digest(), identity, Reporting(identity, people, clock),
    )  # fmt: skip


def _servicenow(one: ServiceNowSettings, clock: Clock, settings: Settings, observe: Observe) -> PysnowServiceNow:
    credentials: BasicCredentials | ClientCredentials
    if one.client_secret is not None:
        credentials = ClientCredentials(one.client_id, one.client_secret.get_secret_value())
    else:
        credentials = BasicCredentials(one.user, one.password.get_secret_value() if one.password else "")
    return PysnowServiceNow(one.url, credentials, clock=clock, refuse_simulator=not settings.sandbox, observe=observe)


def _identity(one: IdentitySettings, clock: Clock, settings: Settings, observe: Observe) -> ScimIdentity:
    return ScimIdentity(
        one.url, one.token.get_secret_value(), clock=clock, refuse_simulator=not settings.sandbox, observe=observe
    )


def open_alerts(settings: Settings, clock: Clock) -> Alerts | None:
    """None where alarms are told to nobody."""
    addresses = [address.get_secret_value() for address in settings.alerts.urls]
    return Alerts(AppriseChannel(addresses), settings.server.public_url, clock) if addresses else None


def open_github(settings: Settings, clock: Clock, observe: Observe) -> GitHubApp:
    """Nothing is asked yet."""
    key = settings.github.private_key
    return RestGitHubApp(
        settings.github.app_id, key.get_secret_value() if key else "", clock=clock, base_url=settings.github.api_url,
        pacing=settings.github.paced, observe=observe,
    )  # fmt: skip


def open_artifacts(settings: Settings) -> ArtifactClient:
    """Reads from the places that are listed, and from no other."""
    artifacts = settings.artifacts
    return ArtifactClient(
        file_roots=artifacts.file_roots,
        https_hosts=artifacts.https_hosts,
        s3_endpoint=artifacts.s3_endpoint or None,
        s3_buckets=artifacts.s3_buckets,
    )
