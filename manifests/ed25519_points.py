"""Which 32 bytes may be an Ed25519 public key (RFC 8032 section 5.1.3, stricter).

A key of low order verifies signatures nobody made, and OpenSSL accepts such keys; so they are refused here,
with encodings that are not canonical and those that are no point of the curve.
"""

from __future__ import annotations

P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P

_ORDER_8_Y = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
LOW_ORDER_Y = frozenset({0, 1, P - 1, _ORDER_8_Y, P - _ORDER_8_Y})


def defect(raw: bytes) -> str | None:
    """What is wrong with a raw public key, in words; None if it may be used."""
    if len(raw) != 32:
        return f"{len(raw)} bytes instead of 32"
    y = int.from_bytes(raw, "little") & (2**255 - 1)
    if y >= P:
        return "a point encoding that is not canonical"
    if y in LOW_ORDER_Y:
        return "a point of low order, whose signatures anybody can make"
    return None if _is_on_curve(y) else "bytes that are no point of the curve"


def _is_on_curve(y: int) -> bool:
    numerator = (y * y - 1) % P
    denominator = (D * y * y + 1) % P
    return pow(numerator * denominator, (P - 1) // 2, P) == 1
