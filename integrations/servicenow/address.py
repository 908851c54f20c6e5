"""The address of an instance: https anywhere, http only on this machine."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

import msgspec


class Address(msgspec.Struct, frozen=True):
    """``host`` may carry a port, as pysnow wants it."""

    host: str
    tls: bool

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.host}"


def parse_address(base_url: str) -> Address:
    """ValueError (which shows no credentials) unless it is scheme, host and optional port only."""
    parts = urlsplit(base_url)
    if parts.username is not None or parts.password is not None:
        raise ValueError("the ServiceNow address must not hold a user name or password")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"expected an address like https://acme.service-now.com, found {base_url!r}")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(f"the ServiceNow address must end after the host, found {base_url!r}")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ValueError(f"http would send the password in the clear; use https for {parts.hostname}")
    return Address(parts.netloc, parts.scheme == "https")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
