"""Refusals of the simulated instance, in the words that instances use."""

from __future__ import annotations

NO_RECORD = "Record doesn't exist or ACL restricts the record retrieval"
ACL_UPDATE = "ACL Exception Update Failed due to security constraints"
ACL_INSERT = "ACL Exception Insert Failed due to security constraints"


class Refusal(Exception):
    """An answer other than success. ``message`` and ``detail`` as the Table API gives them."""

    def __init__(self, status: int, message: str, detail: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.detail = detail

    def body(self) -> dict[str, object]:
        return {"error": {"message": self.message, "detail": self.detail}, "status": "failure"}


def not_authenticated() -> Refusal:
    return Refusal(401, "User Not Authenticated", "Required to provide Auth information")


def no_record() -> Refusal:
    return Refusal(404, "No Record found", NO_RECORD)


def invalid_table(table: str) -> Refusal:
    return Refusal(400, f"Invalid table {table}")


def unknown_resource(path: str) -> Refusal:
    return Refusal(400, f"Requested URI does not represent any resource: {path.removeprefix('/api')}")


def aborted(rule: str, rule_id: str, table: str = "change_request") -> Refusal:
    """A business rule that stopped the write; the rule's own message does not cross REST."""
    return Refusal(
        403,
        "Operation Failed",
        f"Operation against file '{table}' was aborted by Business Rule '{rule}^{rule_id}'. Business Rule Stack:{rule}",
    )


def mandatory(*labels: str) -> Refusal:
    """A data policy, which names labels, not fields."""
    return Refusal(
        403,
        "Operation Failed",
        f"Data Policy Exception: \n\tThe following fields are mandatory: {', '.join(labels)}",
    )


def acl(detail: str) -> Refusal:
    return Refusal(403, "Operation Failed", detail)
