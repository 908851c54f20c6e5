"""Which workflows may deploy: the entries under ``workflows`` of the tenant policy."""

from __future__ import annotations

from collections.abc import Iterable

FOLDER = ".github/"
OWN_COMMIT = frozenset(
    (
        "create", "deployment", "merge_group", "push", "release", "repository_dispatch", "schedule",
        "workflow_dispatch", "workflow_run",
    )
)  # fmt: skip
"""Events whose runs take the workflow file from the commit that GitHub tells as theirs. Those about pull requests tell
the head and take the file from the merge or from a base that anybody may make: their path proves nothing."""


def listed(entries: Iterable[str], repository: str, path: str) -> bool:
    """Whether a workflow run of ``repository`` (``owner/name``) may deploy.

    ``path`` is that of the run as GitHub's API tells it: ``.github/workflows/name.yml``, sometimes with ``@ref``.
    An entry that begins with a repository counts for that one only, one that begins with ``.github/`` for every
    repository of the tenant. An entry with ``@ref`` counts only for runs of which GitHub tells that very ref.
    """
    return any(_names(entry, repository, path) for entry in entries)


def _names(entry: str, repository: str, path: str) -> bool:
    if not entry.startswith(FOLDER):
        owner, _, rest = entry.partition("/")
        name, _, entry = rest.partition("/")
        if f"{owner}/{name}".lower() != repository.lower():
            return False
    return entry == (path if "@" in entry else path.partition("@")[0])
