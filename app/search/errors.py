"""What searching a log can refuse."""

from __future__ import annotations

from app.audit.errors import RecordAlteredError


class IndexAlteredError(RecordAlteredError):
    """The search index says something else than the record that it stands for."""

    code = "audit.index_altered"
    remedy = (
        "Treat the database as tampered with: run `audit verify`, then make the index anew by `audit index --apply`."
    )


class QueryError(ValueError):
    """A question that cannot be asked like this; the message says how."""

    code = "audit.query"
