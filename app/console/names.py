"""Who the ids in records and rows are, in words a reader knows."""

from __future__ import annotations

from sqlalchemy import text

from app.db.tx import Tx
from app.people import store as people
from app.tokens import store as tokens

_OF_PERSON = text(
    "SELECT login FROM accounts WHERE tenant = :tenant AND person = :person"
    " ORDER BY CASE WHEN account LIKE 'github:%' THEN 0 ELSE 1 END, account LIMIT 1"
)


class Names:
    """Looks up each id once; one that nobody knows stays as it is."""

    def __init__(self, tx: Tx, tenant: str) -> None:
        self._tx = tx
        self._tenant = tenant
        self._known: dict[str, str] = {"": "", "service:countersign": "Countersign", "github": "GitHub"}

    def of(self, reference: str) -> str:
        """The login of an account or person, the name of a token or service."""
        if reference not in self._known:
            self._known[reference] = self._find(reference) or reference
        return self._known[reference]

    def _find(self, reference: str) -> str:
        kind, separator, rest = reference.partition(":")
        if kind in ("github", "servicenow") and separator:
            known = people.known(self._tx, self._tenant, [reference]).get(reference)
            return known.login if known else ""
        if kind == "token" and separator:
            found = tokens.by_id(self._tx, rest)
            return f"token “{found[0].name}”" if found and found[0].tenant == self._tenant else ""
        if kind == "service" and separator:
            return rest.capitalize()
        row = self._tx.first(_OF_PERSON, tenant=self._tenant, person=reference)
        return row.login if row is not None else ""
