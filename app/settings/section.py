"""What every table of the settings is made of."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def base_address(value: str) -> str:
    """A base address: https, or http to this machine; no user, query or fragment; no slash at the end."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"expected an address like https://host, found {parts.scheme or 'no'} scheme")
    if parts.username or parts.query or parts.fragment:
        raise ValueError("expected an address without user, query or fragment")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError(f"expected https for {parts.hostname}: plain http is only for this machine")
    return value.rstrip("/")


def base_address_or_nothing(value: str) -> str:
    return base_address(value) if value else value


class Section(BaseModel):
    """A table of the file: unknown keys are mistakes, nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
