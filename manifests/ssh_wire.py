"""The SSH wire format (RFC 4251 section 5): strings with a 32-bit length, integers, bytes."""

from __future__ import annotations

from manifests.errors import ManifestError
from manifests.refusal import refusal


def put_string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def put_mpint(number: int) -> bytes:
    """A non-negative integer, shortest two's complement form."""
    return put_string(number.to_bytes(number.bit_length() // 8 + 1, "big") if number else b"")


class Reader:
    """Reads fields from the front. Every method raises ManifestError where the bytes end too soon."""

    def __init__(self, data: bytes, what: str) -> None:
        self._data = data
        self._at = 0
        self._what = what

    def take(self, count: int) -> bytes:
        end = self._at + count
        if end > len(self._data):
            raise self.broken(f"{count} more bytes", f"{len(self._data) - self._at}")
        found = self._data[self._at : end]
        self._at = end
        return found

    def uint32(self) -> int:
        return int.from_bytes(self.take(4), "big")

    def byte(self) -> int:
        return self.take(1)[0]

    def string(self) -> bytes:
        return self.take(self.uint32())

    def text(self) -> str:
        """A string of printable ASCII."""
        data = self.string()
        if not data.isascii() or not data.decode("ascii").isprintable():
            raise self.broken("printable ASCII", repr(data[:40]))
        return data.decode("ascii")

    def mpint(self) -> int:
        """A non-negative integer in its only shortest form."""
        data = self.string()
        number = int.from_bytes(data, "big")
        if put_mpint(number) != put_string(data):
            raise self.broken("a non-negative integer in shortest form", data[:40].hex())
        return number

    def end(self) -> None:
        if self._at != len(self._data):
            raise self.broken("nothing more", f"{len(self._data) - self._at} bytes")

    def broken(self, expected: str, found: str) -> ManifestError:
        return refusal(
            "ssh.malformed",
            f"{self._what}: expected {expected} at byte {self._at}, found {found}.",
            "Copy it again, whole, from the program that made it.",
        )
