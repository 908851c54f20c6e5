"""How the service runs: where it listens, keeps its state, logs and reads artifacts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator

from app.settings.section import Section, base_address, base_address_or_nothing


class Server(Section):
    """Where to listen, and the address others know us by (links, passkeys, the verifier's name)."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    public_url: str = "http://127.0.0.1:8080"

    _url = field_validator("public_url")(base_address)


class DatabaseSettings(Section):
    """`sqlite:///path` or `postgresql://user:password@host/name`. A secret, for it may carry a password."""

    url: SecretStr = SecretStr("sqlite:///countersign.db")

    @field_validator("url")
    @classmethod
    def _known(cls, value: SecretStr) -> SecretStr:
        scheme, separator, rest = value.get_secret_value().partition("://")
        if scheme not in ("sqlite", "postgres", "postgresql") or not separator or not rest.strip("/"):
            raise ValueError(f"expected sqlite:///path or postgresql://…, found scheme {scheme[:20]!r}")
        if scheme == "sqlite" and not rest.startswith("/"):
            raise ValueError("expected three slashes: sqlite:///path")
        return value


class ArtifactSettings(Section):
    """Where artifacts may be read from; empty lists allow nothing."""

    file_roots: tuple[Path, ...] = ()
    https_hosts: tuple[str, ...] = ()
    s3_buckets: tuple[str, ...] = ()
    s3_endpoint: str = ""
    max_bytes: Annotated[int, Field(gt=0)] = 64 << 30

    _url = field_validator("s3_endpoint")(base_address_or_nothing)


class ConsoleSettings(Section):
    """``open``: everyone who reaches the console may look; only on a loopback host."""

    open: bool = False


class LogSettings(Section):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "text"] = "json"


class GateSettings(Section):
    """``verifier_id`` names us in a verification summary; empty means the public address."""

    decision_ttl_s: Annotated[int, Field(ge=1, le=900)] = 900
    verifier_id: str = ""
