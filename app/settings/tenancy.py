"""GitHub, ServiceNow and the tenants."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator

from app.settings.section import Section, base_address

WEBHOOK_SECRET_BYTES = 32
DOT_COM = "https://api.github.com"

AppId = Annotated[str, BeforeValidator(lambda value: str(value) if type(value) is int else value)]


class GitHubSettings(Section):
    """The GitHub App. ``pacing`` None: paced at github.com, not at an Enterprise Server."""

    app_id: AppId = ""
    private_key: SecretStr | None = None
    webhook_secrets: tuple[SecretStr, ...] = ()
    api_url: str = DOT_COM
    web_url: str = "https://github.com"
    pacing: bool | None = None

    _urls = field_validator("api_url", "web_url")(base_address)

    @field_validator("webhook_secrets")
    @classmethod
    def _long_enough(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for index, secret in enumerate(value):
            size = len(secret.get_secret_value().encode())
            if size < WEBHOOK_SECRET_BYTES:
                raise ValueError(f"expected at least {WEBHOOK_SECRET_BYTES} bytes, secret {index} has {size}")
        return value

    @property
    def paced(self) -> bool:
        return self.api_url == DOT_COM if self.pacing is None else self.pacing


class ServiceNowSettings(Section):
    """One instance, entered with user and password, or with client id and secret (OAuth)."""

    url: str
    user: str = ""
    password: SecretStr | None = None
    client_id: str = ""
    client_secret: SecretStr | None = None
    poll_s: Annotated[int, Field(ge=1, le=3600)] = 15

    _url = field_validator("url")(base_address)

    @model_validator(mode="after")
    def _one_login(self) -> Self:
        basic = (bool(self.user), self.password is not None)
        oauth = (bool(self.client_id), self.client_secret is not None)
        if (basic, oauth) not in (((True, True), (False, False)), ((False, False), (True, True))):
            raise ValueError("expected either user and password or client_id and client_secret, both of one kind")
        return self


class IdentitySettings(Section):
    """An identity provider that speaks SCIM 2.0. ``url`` ends before `/Users` and `/Groups`."""

    url: str
    token: SecretStr

    _url = field_validator("url")(base_address)


class RetentionSettings(Section):
    """How many days things are kept at least. Left out: as many as `audit.retention_days`. A smaller number than was
    recorded before keeps the service from starting until `countersign retention shorten`."""

    records_days: Annotated[int, Field(ge=1, le=36_500)] | None = None
    blobs_days: Annotated[int, Field(ge=1, le=36_500)] | None = None
    deliveries_days: Annotated[int, Field(ge=1, le=36_500)] | None = None


class TenantSettings(Section):
    """One customer. ``policy`` is the path of the tenant policy."""

    id: str
    policy: Path
    region: str = ""
    retention: RetentionSettings = RetentionSettings()
    servicenow: ServiceNowSettings | None = None
    identity: IdentitySettings | None = None

    @field_validator("id")
    @classmethod
    def _plain(cls, value: str) -> str:
        if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?", value) or value == "system":
            raise ValueError("expected 1 to 64 of a-z, 0-9 and '-', not 'system'")
        return value
