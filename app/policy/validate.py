"""Every mistake in policy files, with its place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from app.policy.included import included
from app.policy.suites import UnreadableError, read
from manifests.canonical import sha256_hex
from manifests.errors import ManifestError, Problem
from manifests.located_yaml import Mapping, Node, compose
from manifests.policy import POLICY_PATH, Policy, TenantPolicy
from manifests.policy_parser import MAX_BYTES, parse_policy, parse_tenant_policy

DEFAULT = Path(POLICY_PATH)


class Checked(msgspec.Struct, frozen=True):
    """One file; ``unreadable`` says why nothing can be said of it."""

    path: str
    kind: str = "policy"
    sha256: str = ""
    problems: tuple[Problem, ...] = ()
    unreadable: str = ""

    @property
    def is_valid(self) -> bool:
        return not self.problems and not self.unreadable


def check(files: Sequence[Path], tenant_file: Path | None, included_files: Sequence[Path] = ()) -> tuple[Checked, ...]:
    """Check the tenant policy, if given, and every file as the policy of a repository under it.

    ``included_files`` are what policies include from elsewhere. While the tenant policy has mistakes, groups that only
    it may define are not held against the files. Raises UnreadableError for one of the included files.
    """
    found: list[Checked] = []
    tenant: TenantPolicy | None = None
    if tenant_file is not None:
        checked, tenant = _tenant(tenant_file)
        found.append(checked)
    is_unknown = tenant_file is not None and tenant is None
    others = tuple(read(path) for path in included_files)
    return (*found, *(_policy(path, tenant, others, is_unknown=is_unknown) for path in files))


def _tenant(path: Path) -> tuple[Checked, TenantPolicy | None]:
    try:
        data = read(path)
    except UnreadableError as error:
        return Checked(str(path), "tenant policy", unreadable=str(error)), None
    try:
        return Checked(str(path), "tenant policy", sha256_hex(data)), parse_tenant_policy(data, str(path))
    except ManifestError as error:
        return Checked(str(path), "tenant policy", sha256_hex(data), error.problems), None


def _policy(path: Path, tenant: TenantPolicy | None, others: Sequence[bytes], *, is_unknown: bool) -> Checked:
    try:
        data = read(path)
    except UnreadableError as error:
        return Checked(str(path), unreadable=str(error))
    try:
        policy = parse_policy(data, str(path), tenant.groups if tenant else (), included(data, path, others))
    except ManifestError as error:
        told = [one for one in error.problems if not (is_unknown and one.code == "policy.unknown_group")]
        return Checked(str(path), "policy", sha256_hex(data), tuple(told))
    return Checked(str(path), "policy", sha256_hex(data), _redefined(data, str(path), policy, tenant))


def _redefined(data: bytes, path: str, policy: Policy, tenant: TenantPolicy | None) -> tuple[Problem, ...]:
    """A group that the repository defines otherwise than the tenant: every rule with it would deny."""
    if tenant is None:
        return ()
    differing = [name for name, group in policy.groups.items() if tenant.groups.get(name, group) != group]
    if not differing:
        return ()
    places = _places(compose(data, path, MAX_BYTES)[0])
    return tuple(
        Problem(
            "policy.group_redefined",
            f"Expected the group {name} as the tenant policy defines it, found another definition.",
            "Remove it here: the tenant's definition counts.",
            path,
            *places.get(name, (0, 0)),
        )
        for name in differing
    )


def _places(root: Node | None) -> dict[str, tuple[int, int]]:
    entries = root.entries if isinstance(root, Mapping) else ()
    groups = next((entry.value for entry in entries if entry.key.text == "groups"), None)
    named = groups.entries if isinstance(groups, Mapping) else ()
    return {entry.key.text: (entry.key.line, entry.key.column) for entry in named}
