"""Why there is no backup, or no restoration."""

from __future__ import annotations


class BackupError(Exception):
    """No backup was made, or one could not be used: a disk, a database or a file that cannot be read or written."""

    code = "backup.failed"


class BackupAlteredError(BackupError):
    """A backup is not what was written, or the log in it is not whole."""

    code = "backup.altered"


class NotEmptyError(BackupError):
    """There is something where the backup would be restored to."""

    code = "backup.not_empty"


class NewerStateError(BackupError):
    """Checkpoints outside the database vouch for records that the backup has not."""

    code = "backup.newer_state"
