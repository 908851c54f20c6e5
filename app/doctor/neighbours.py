"""What the neighbours say about us: is the App whole, do we get in, do our clocks agree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from email.utils import parsedate_to_datetime

import msgspec

from app.clock import SECOND
from app.doctor.machine import read_policy
from app.doctor.model import Finding, Patient, ok, problem, unasked
from app.settings import SettingsError, refuse_simulators
from app.settings.model import GitHubSettings, ServiceNowSettings
from integrations.errors import NeighbourError
from integrations.github.auth import AppCredentials, load_key
from integrations.github.client import PERMISSIONS, RestGitHubApp
from integrations.github.transport import Answer, LostAnswerError, Request, Transport
from integrations.servicenow.auth import BasicCredentials, ClientCredentials, Credentials
from integrations.servicenow.client import PysnowServiceNow
from manifests.app_manifest import EVENTS
from manifests.errors import ManifestError

CLOCK_TOLERANCE_S = 30
"""GitHub refuses an App's JWT from a clock much further ahead."""
_RANK = {"read": 1, "write": 2, "admin": 3}


class _App(msgspec.Struct, frozen=True):
    slug: str
    permissions: dict[str, str]
    events: tuple[str, ...]


async def simulators(patient: Patient) -> tuple[Finding, ...]:
    try:
        silent = await refuse_simulators(patient.settings)
    except SettingsError as error:
        return tuple(problem(f"neighbour {item.path}", item.message, item.remedy) for item in error.problems)
    if silent:
        return (problem("neighbours", f"no answer from {', '.join(silent)}.", "Check addresses, proxy and firewall."),)
    return (ok("neighbours", "all answer, none is a simulator"),)


async def github_app(patient: Patient) -> tuple[Finding, ...]:
    """GET /app proves key and id; its answer tells permissions, events and GitHub's clock."""
    settings = patient.settings.github
    if settings.private_key is None or not settings.app_id:
        return (unasked("GitHub App", "github.app_id and github.private_key are not set"),)
    try:
        answer = await _get_app(patient, settings, settings.private_key.get_secret_value())
    except (NeighbourError, LostAnswerError) as error:
        return (problem("GitHub App", str(error), "Check github.api_url, the private key and the network."),)
    clock = _clock(patient.clock(), answer.headers)
    try:
        app = msgspec.json.decode(answer.body, type=_App) if answer.status == 200 else None
    except msgspec.DecodeError:
        app = None
    if app is None:
        return (
            problem(
                "GitHub App",
                f"expected GET /app to answer 200 with the App, found {answer.status}.",
                "Use the App id and a private key of the same App (its page at GitHub, General), and mend the clock.",
            ),
            clock,
        )
    return (ok("GitHub App", app.slug), _permissions(app.permissions), _events(app.events), clock)


async def installations(patient: Patient) -> tuple[Finding, ...]:
    """Whether the installations that the tenant policies list are there."""
    settings = patient.settings.github
    if settings.private_key is None or not settings.app_id:
        return ()
    try:
        client = RestGitHubApp(
            settings.app_id,
            settings.private_key.get_secret_value(),
            clock=patient.clock,
            base_url=settings.api_url,
            pacing=settings.paced,
        )
        try:
            there = await client.installation_ids()
        finally:
            await client.close()
    except NeighbourError as error:
        return (problem("installations", str(error), "First mend what is wrong with the GitHub App."),)
    return tuple(_installed(tenant, wanted, there) for tenant, wanted in _listed(patient))


async def servicenow(patient: Patient) -> tuple[Finding, ...]:
    return tuple(
        [
            await _login(patient, tenant.id, tenant.servicenow)
            for tenant in patient.settings.tenants
            if tenant.servicenow is not None
        ]
    )


def credentials(settings: ServiceNowSettings) -> Credentials:
    """The login that the settings name."""
    if settings.password is not None:
        return BasicCredentials(settings.user, settings.password.get_secret_value())
    assert settings.client_secret is not None
    return ClientCredentials(settings.client_id, settings.client_secret.get_secret_value())


async def _get_app(patient: Patient, settings: GitHubSettings, pem: str) -> Answer:
    transport = Transport(None, base_url=settings.api_url)
    try:
        header = await AppCredentials(settings.app_id, load_key(pem), patient.clock).header()
        return await transport.send(Request("GET", "/app", {}), header)
    finally:
        await transport.close()


def _permissions(granted: Mapping[str, str]) -> Finding:
    lacking = [
        f"{name}: {level}" for name, level in PERMISSIONS.items() if _RANK.get(granted.get(name, ""), 0) < _RANK[level]
    ]
    if lacking:
        return problem(
            "GitHub permissions",
            f"expected more than the App has; missing {', '.join(lacking)}.",
            "Grant them on the App's page at GitHub, then accept them in each installation.",
        )
    return ok("GitHub permissions", "sufficient")


def _events(subscribed: Iterable[str]) -> Finding:
    lacking = sorted(set(EVENTS) - set(subscribed))
    if lacking:
        return problem(
            "GitHub events",
            f"expected more subscriptions; missing {', '.join(lacking)}.",
            "Subscribe to them on the App's page at GitHub.",
        )
    return ok("GitHub events", "subscribed")


def _clock(ours: int, headers: Mapping[str, str]) -> Finding:
    try:
        theirs = parsedate_to_datetime(headers.get("date") or headers.get("Date") or "")
    except ValueError:
        return unasked("clock", "GitHub's answer has no readable Date")
    seconds = ours / SECOND - theirs.timestamp()
    if abs(seconds) > CLOCK_TOLERANCE_S:
        return problem("clock", f"{seconds:+.0f} s against GitHub's.", "Synchronise the clock (NTP).")
    return ok("clock", f"within {CLOCK_TOLERANCE_S} s of GitHub's")


def _listed(patient: Patient) -> list[tuple[str, tuple[int, ...]]]:
    found = []
    for tenant in patient.settings.tenants:
        try:
            found.append((tenant.id, read_policy(tenant).installations))
        except (OSError, ManifestError):
            continue  # told by the examination of the policies
    return found


def _installed(tenant: str, wanted: tuple[int, ...], there: Iterable[int]) -> Finding:
    name = f"installations of {tenant}"
    absent = sorted(set(wanted) - set(there))
    if absent:
        return problem(
            name,
            f"expected the App to be installed as {', '.join(map(str, absent))}, found no such installation.",
            "Install the App there, or correct the ids in the tenant policy.",
        )
    return ok(name, "all there")


async def _login(patient: Patient, tenant: str, settings: ServiceNowSettings) -> Finding:
    name = f"ServiceNow of {tenant}"
    try:
        client = PysnowServiceNow(settings.url, credentials(settings), clock=patient.clock)
        try:
            user = await client.whoami()
        finally:
            await client.close()
    except (NeighbourError, ValueError) as error:
        return problem(name, str(error), "Check url, login and roles of the integration user.")
    if not user.active:
        return problem(name, f"expected an active user, found {user.user_name} inactive.", "Activate the user.")
    return ok(name, f"logged in as {user.user_name}")
