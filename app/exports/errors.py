"""What making an export can refuse."""

from __future__ import annotations


class ExportError(Exception):
    """The message says what was expected, what was found and what to do."""

    code = "export.refused"


class TakenError(ExportError):
    """There is something under the name already; an export never writes over anything."""

    code = "export.taken"


class EmptyLogError(ExportError):
    """The log has no record, so nothing is signed that could be exported."""

    code = "export.empty_log"


class UnknownExportError(ExportError):
    """The tenant has no such export, or not any more."""

    code = "export.unknown"


class TooManyExportsError(ExportError):
    """The tenant has as many as it may have."""

    code = "export.too_many"


class NotReadyError(ExportError):
    """The export is not finished, or it failed."""

    code = "export.not_ready"
