"""Whether the identity providers let us in."""

from __future__ import annotations

from app.doctor.model import Finding, Patient, ok, problem
from app.settings.model import IdentitySettings
from integrations.errors import NeighbourError
from integrations.identity.client import ScimIdentity


async def identity(patient: Patient) -> tuple[Finding, ...]:
    return tuple(
        [
            await _asked(patient, tenant.id, tenant.identity)
            for tenant in patient.settings.tenants
            if tenant.identity is not None
        ]
    )


async def _asked(patient: Patient, tenant: str, settings: IdentitySettings) -> Finding:
    name = f"identity provider of {tenant}"
    try:
        client = ScimIdentity(settings.url, settings.token.get_secret_value(), clock=patient.clock)
        try:
            await client.check()
        finally:
            await client.close()
    except (NeighbourError, ValueError) as error:
        return problem(name, str(error), "Check url and token; reading users and groups has to be allowed.")
    return ok(name, "lists groups")
