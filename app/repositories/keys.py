"""Work keys that carry names: quoted, so that a slash in a branch name stays inside its part."""

from __future__ import annotations

from urllib.parse import quote, unquote


def protection_key(repository_id: int, run_id: int, environment: str, sha: str) -> str:
    """Environment names compare without case at GitHub; the one as delivered is kept for the answer."""
    return f"protection/{repository_id}/{run_id}/{sha}/{quote(environment, safe='')}"


def protection_prefix(repository_id: int) -> str:
    """What the keys of all deployments of a repository that wait for us start with."""
    return f"protection/{repository_id}/"


def group_key(repository_id: int, head_sha: str, base_sha: str, base_ref: str) -> str:
    return f"group/{repository_id}/{head_sha}/{base_sha}/{quote(base_ref, safe='')}"


def policy_key(repository_id: int, ref: str) -> str:
    return f"policy/{repository_id}/{quote(ref, safe='')}"


def parts(key: str) -> list[str]:
    return [unquote(part) for part in key.split("/")[1:]]
