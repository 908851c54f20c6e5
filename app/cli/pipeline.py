"""What a pipeline knows about itself: repository, commit, and GitHub's OIDC token."""

from __future__ import annotations

import re
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from urllib.parse import quote

import msgspec

from app.cli.exits import CannotFindOutError, UsageError

_REMOTE = re.compile(r"[/:]([\w.-]+/[\w.-]+?)(?:\.git)?/?\Z")
_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
TIMEOUT_S = 30


class _OidcAnswer(msgspec.Struct, frozen=True):
    value: str


def repository(given: str | None, env: Mapping[str, str]) -> str:
    """``owner/name``: as given, of the GitHub Actions run, or of the remote called origin."""
    found = given or env.get("GITHUB_REPOSITORY") or _remote_repository()
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", found):
        raise UsageError(f"expected --repository owner/name, found {found!r}")
    return found


def commit(given: str | None, env: Mapping[str, str]) -> str:
    """The full SHA: as given, of the GitHub Actions run, or of the checked-out HEAD."""
    found = given or env.get("GITHUB_SHA") or _git("rev-parse", "HEAD")
    if not _SHA.fullmatch(found):
        raise UsageError(f"expected --commit as a full SHA in lower case, found {found!r}")
    return found


def oidc_token(
    env: Mapping[str, str], audience: str, fetch: Callable[[urllib.request.Request], bytes] | None = None
) -> str:
    """A token of GitHub Actions for this service; empty outside a job with `id-token: write`.

    GitHub: "Configuring OpenID Connect", requesting the JWT using environment variables.
    """
    address, bearer = env.get("ACTIONS_ID_TOKEN_REQUEST_URL", ""), env.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "")
    if not address.startswith("https://") or not bearer:
        return ""
    request = urllib.request.Request(  # noqa: S310
        f"{address}&audience={quote(audience.rstrip('/'), safe='')}", headers={"Authorization": f"Bearer {bearer}"}
    )
    try:
        return msgspec.json.decode((fetch or _fetch)(request), type=_OidcAnswer).value
    except (urllib.error.URLError, OSError, msgspec.DecodeError) as error:
        raise CannotFindOutError(f"GitHub gave no OIDC token: {type(error).__name__}") from None


def _fetch(request: urllib.request.Request) -> bytes:
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:  # noqa: S310
        answer: bytes = response.read(1 << 20)
        return answer


def _remote_repository() -> str:
    found = _REMOTE.search(_git("remote", "get-url", "origin"))
    return found[1] if found else ""


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(("git", *arguments), capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
