"""Which network addresses an artifact may be fetched from: public ones, so that no release reads our network."""

from __future__ import annotations

import ipaddress
import socket

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import DefaultResolver

from integrations.errors import RefusedError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))
_COMPATIBLE = ipaddress.IPv6Network("::/96")


class PublicResolver(AbstractResolver):
    """Answers with public addresses only. aiohttp connects to exactly what it answers: nothing is asked twice."""

    def __init__(self, allow_loopback: bool) -> None:
        self._system = DefaultResolver()
        self._allow_loopback = allow_loopback

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Raises RefusedError when any of the host's addresses is not public, OSError when it has none."""
        found = await self._system.resolve(host, port, family)
        for entry in found:
            check(host, entry["host"], self._allow_loopback)
        return found

    async def close(self) -> None:
        await self._system.close()


def check(host: str, address: str, allow_loopback: bool) -> None:
    """Raises RefusedError unless ``address`` (numeric) is public, or loopback where that is allowed."""
    try:
        numeric = ipaddress.ip_address(address)
    except ValueError:
        raise RefusedError(f"{host}: expected a public address, found one that cannot be read.") from None
    if not (is_public(numeric) or (allow_loopback and numeric.is_loopback)):
        raise RefusedError(
            f"{host}: expected a public address, found {address}, which is private, local or reserved."
            " Serve the artifact from a public address, from s3: or from a mounted folder (file:)."
        )


def is_public(address: Address) -> bool:
    """Whether the internet can reach it (IANA special-purpose registries), also through IPv6 that carries IPv4."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id or address in _COMPATIBLE:
            return False
        carried = _carried(address)
        if carried is not None:
            return is_public(carried)
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_link_local)


def _carried(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if any(address in network for network in _NAT64):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None
