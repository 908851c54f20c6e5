"""What can be wrong with a stored blob. Neither is ever answered with other bytes."""

from __future__ import annotations

from app.blobs.places import Place


class BlobError(Exception):
    """A blob cannot be had; ``digest`` names it, ``remedy`` says what to do."""

    code = "blob.error"
    remedy = ""

    def __init__(self, digest: str, message: str) -> None:
        super().__init__(f"{message} {self.remedy}")
        self.digest = digest


class BlobMissingError(BlobError):
    code = "blob.missing"
    remedy = "Restore it from a backup or from WORM storage; whatever cites it cannot be replayed until then."

    def __init__(self, digest: str) -> None:
        super().__init__(digest, f"expected a blob with SHA-256 {digest}, found none.")


class BlobAlteredError(BlobError):
    code = "blob.altered"
    remedy = "Treat the database as tampered with: keep a copy, run `audit verify`, restore the blob from WORM."

    def __init__(self, digest: str, found: str) -> None:
        super().__init__(digest, f"expected bytes with SHA-256 {digest}, found bytes with SHA-256 {found}.")
        self.found = found


class BlobElsewhereError(BlobError):
    """It is whole, but only outside the database; ``places`` say where."""

    code = "blob.elsewhere"
    remedy = "Read it with `countersign audit blob`, or from the bucket."

    def __init__(self, digest: str, places: tuple[Place, ...]) -> None:
        where = ", ".join(f"{one.sink} ({one.key}, version {one.version})" for one in places)
        super().__init__(digest, f"expected a blob with SHA-256 {digest} in the database, it lies in {where}.")
        self.places = places
