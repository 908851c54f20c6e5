"""What can be seen on this machine alone: settings, keys, policies, the disk, the database."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from urllib.parse import urlsplit

from app.db.connect import sqlite_path
from app.doctor.model import Finding, Patient, ok, problem
from app.keys import files
from app.keys.errors import ServerKeyError
from app.keys.model import KINDS
from app.settings import SettingsError, for_serving
from app.settings.model import TenantSettings, is_loopback
from manifests.errors import ManifestError
from manifests.policy import TenantPolicy
from manifests.policy_parser import parse_tenant_policy

FREE_BYTES = 1 << 30


async def complete(patient: Patient) -> tuple[Finding, ...]:
    """Whether `serve` has all it needs, the webhook's secrets among it."""
    try:
        for_serving(patient.settings)
    except SettingsError as error:
        return tuple(problem(f"settings {item.path}", item.message, item.remedy) for item in error.problems)
    count = len(patient.settings.github.webhook_secrets)
    return (ok("settings", f"complete, with {count} webhook secret{'s' if count > 1 else ''}"),)


async def public_url(patient: Patient) -> tuple[Finding, ...]:
    name, url = "public address", patient.settings.server.public_url
    if url.startswith("https://"):
        return (ok(name, url),)
    return (
        problem(
            name,
            f"expected https, found {url}.",
            "Set server.public_url to the https address under which GitHub and people reach the service.",
        ),
    )


async def console(patient: Patient) -> tuple[Finding, ...]:
    settings = patient.settings
    if settings.console.open and not is_loopback(urlsplit(settings.server.public_url).hostname or ""):
        return (
            problem(
                "console",
                "console.open is set while the service is published under another address.",
                "Unset console.open, or let nothing forward to this port.",
            ),
        )
    return (ok("console", "open to this machine only" if settings.console.open else "closed to strangers"),)


async def server_keys(patient: Patient) -> tuple[Finding, ...]:
    settings = patient.settings.keys
    absent = [use for use in KINDS if not settings.places(use) and not files.path_of(settings, use).exists()]
    if len(absent) == len(KINDS):
        return (ok("server keys", f"none yet; the first start makes them in {settings.directory}"),)
    try:
        keys = files.load(settings, create=False)
    except ServerKeyError as error:
        return (problem("server keys", str(error), "Run `countersign serve` once, or set keys.gate and keys.log."),)
    clear = files.directory(settings).in_the_clear()
    if clear and settings.passphrase is not None:
        found = f"keys.passphrase is set, and {', '.join(map(str, clear))} is not encrypted."
        return (problem("server keys", found, "Run `countersign keys encrypt`."),)
    return (ok("server keys", f"gate {keys.gate.public.fingerprint}, log {keys.log.public.fingerprint}"),)


async def policies(patient: Patient) -> tuple[Finding, ...]:
    return tuple(_policy(tenant) for tenant in patient.settings.tenants)


async def data_directory(patient: Patient) -> tuple[Finding, ...]:
    path = sqlite_path(patient.settings.database.url.get_secret_value())
    places = {patient.settings.keys.directory, *((path.parent,) if path is not None else ())}
    return tuple(_writable(place) for place in sorted(places))


def read_policy(tenant: TenantSettings) -> TenantPolicy:
    """Raises OSError, ManifestError."""
    return parse_tenant_policy(tenant.policy.read_bytes(), str(tenant.policy))


def _policy(tenant: TenantSettings) -> Finding:
    name = f"tenant policy of {tenant.id}"
    try:
        policy = read_policy(tenant)
    except OSError as error:
        return problem(name, f"{tenant.policy}: {error.strerror}.", f"Put the policy of {tenant.id} there.")
    except ManifestError as error:
        return problem(name, str(error), "Correct the policy.")
    if not policy.installations:
        return problem(name, "expected installations, found none.", "List the App's installation ids.")
    if not any(entry.refs for entry in policy.base_refs):
        return problem(name, "expected base_refs, found none.", "List the branches releases are merged into.")
    return ok(name, f"{len(policy.installations)} installations, base refs of {len(policy.base_refs)} repositories")


def _writable(place: Path) -> Finding:
    name = f"directory {place}"
    existing = next((path for path in (place, *place.absolute().parents) if path.exists()), Path("/"))
    if not os.access(existing, os.W_OK | os.X_OK):
        return problem(name, f"{existing} cannot be written.", f"Give the service's user write access to {existing}.")
    free = shutil.disk_usage(existing).free
    if free < FREE_BYTES:
        return problem(
            name,
            f"expected at least {FREE_BYTES >> 20} MiB free, found {free >> 20}.",
            "Free space or move the data: a full disk stops every decision.",
        )
    return ok(name, f"writable, {free >> 20} MiB free")
