"""The examples are what somebody starts from: they must be accepted as they are."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from pydantic import SecretStr

from app.settings import Settings, for_serving, load
from app.settings.names import keys
from manifests.policy_parser import parse_tenant_policy
from tests.deploy.files import DEPLOY

SETTINGS = DEPLOY / "countersign.example.toml"
POLICY = DEPLOY / "tenant-policy.example.yaml"
SECRETS = {
    "COUNTERSIGN_GITHUB__PRIVATE_KEY": "-----BEGIN PRIVATE KEY-----",
    "COUNTERSIGN_GITHUB__WEBHOOK_SECRETS": "0123456789abcdef0123456789abcdef",
    "COUNTERSIGN_TENANTS__0__SERVICENOW__PASSWORD": "example",
}


def test_the_settings_serve_once_the_secrets_are_there() -> None:
    settings = for_serving(load(SETTINGS, SECRETS))
    assert [tenant.id for tenant in settings.tenants] == ["acme"]


def test_the_settings_name_every_section() -> None:
    assert set(tomllib.loads(SETTINGS.read_text())) == set(Settings.model_fields) - {"sandbox"}


def test_the_settings_hold_no_secret() -> None:
    def secrets(value: object) -> list[SecretStr]:
        if isinstance(value, SecretStr):
            return [value]
        if isinstance(value, dict):
            return [secret for member in value.values() for secret in secrets(member)]
        if isinstance(value, tuple | list):
            return [secret for member in value for secret in secrets(member)]
        return []

    given = load(SETTINGS, SECRETS).model_dump(exclude={"database"})
    assert {secret.get_secret_value() for secret in secrets(given)} == set(SECRETS.values())


def test_every_variable_the_settings_mention_exists() -> None:
    known = {key.variable.replace("<N>", "0"): key for key in keys()}
    mentioned = set(re.findall(r"COUNTERSIGN_[A-Z0-9_]*__[A-Z0-9_]+", SETTINGS.read_text()))
    assert mentioned
    for name in mentioned:
        plain = name.removesuffix("_FILE")
        assert plain in known, name
        assert known[plain].secret or plain == name, name


def test_the_tenant_policy_parses() -> None:
    policy = parse_tenant_policy(POLICY.read_bytes(), POLICY.name)
    assert policy.installations
    assert policy.base_refs


def test_the_tenant_policy_lets_nothing_into_production_without_four_eyes() -> None:
    policy = parse_tenant_policy(POLICY.read_bytes(), POLICY.name)
    always = [rule for rule in policy.rules if rule.when.environment == ("production",) and not rule.when.kind]
    assert len({seat.group for rule in always for seat in rule.seats}) >= 2
    assert "personal" in {seat.signature for rule in always for seat in rule.seats}


def test_the_settings_point_where_compose_mounts_the_policy() -> None:
    assert load(SETTINGS, SECRETS).tenants[0].policy == Path("/etc/countersign/tenant-policy.yaml")
