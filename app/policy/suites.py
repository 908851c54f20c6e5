"""Files of tests with the policies that they test: found, read and judged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from app.policy import references
from app.policy.cases import parse_cases
from app.policy.included import included
from app.policy.judge import Judged, judge, untouched
from app.policy.model import Suite
from gates.model import Policies
from manifests.canonical import sha256_hex
from manifests.errors import ManifestError, Problem
from manifests.policy import Policy, TenantPolicy
from manifests.policy_parser import parse_policy, parse_tenant_policy

DEFAULT = Path(".github/countersign.tests.yaml")
SUFFIX = ".tests.yaml"


class UnreadableError(Exception):
    """A file that is not there or cannot be read, so that nothing can be said."""

    code = "policy.unreadable"


class Source(msgspec.Struct, frozen=True):
    """A file that was read; ``sha256`` is that of its exact bytes."""

    path: str
    sha256: str


class Tested(msgspec.Struct, frozen=True):
    """One file of tests. ``problems`` are the mistakes in the documents, which keep the cases from being judged.

    ``untouched`` are the rules that applied in none of the cases.
    """

    cases: Source
    policy: Source | None = None
    tenant: Source | None = None
    problems: tuple[Problem, ...] = ()
    judged: tuple[Judged, ...] = ()
    untouched: tuple[str, ...] = ()

    @property
    def is_as_expected(self) -> bool:
        return not self.problems and all(not one.differences for one in self.judged)


def find(paths: Sequence[Path]) -> tuple[Path, ...]:
    """The files of tests among the paths: files as they are, folders with all `*.tests.yaml` below.

    Raises UnreadableError where there is none: no tests are no proof.
    """
    found: list[Path] = []
    for path in paths or (DEFAULT,):
        below = sorted(path.rglob(f"*{SUFFIX}")) if path.is_dir() else [path]
        if not below:
            raise UnreadableError(f"Expected files *{SUFFIX} below {path}, found none. Name the file, or write one.")
        found += below
    return tuple(dict.fromkeys(found))


def run(path: Path) -> Tested:
    """Judge every case of one file. Raises UnreadableError."""
    data = read(path)
    source = Source(str(path), sha256_hex(data))
    try:
        suite = parse_cases(data, str(path))
    except ManifestError as error:
        return Tested(source, problems=error.problems)
    return _with_policies(path, source, suite)


def read(path: Path) -> bytes:
    """The bytes of a file. Raises UnreadableError."""
    try:
        return path.read_bytes()
    except OSError as error:
        why = error.strerror or str(error)
        raise UnreadableError(f"{path} cannot be read: {why}. Name the file, or write it.") from error


def _with_policies(path: Path, source: Source, suite: Suite) -> Tested:
    problems: list[Problem] = []
    tenant, tenant_source, policy = None, None, None
    if suite.tenant is not None:
        where = path.parent / suite.tenant
        data = read(where)
        tenant_source = Source(str(where), sha256_hex(data))
        tenant = _parsed_tenant(data, where, problems)
    where = path.parent / suite.policy
    data = read(where)
    policy_source = Source(str(where), sha256_hex(data))
    policy = _parsed(data, where, tenant, problems)
    if policy is not None and not problems:
        problems += references.problems(suite, Policies(tenant, policy), str(path))
    if policy is None or problems:
        return Tested(source, policy_source, tenant_source, tuple(problems))
    judged = tuple(judge(case, policy, tenant) for case in suite.cases)
    return Tested(source, policy_source, tenant_source, (), judged, untouched(judged, policy, tenant))


def _parsed(data: bytes, path: Path, tenant: TenantPolicy | None, problems: list[Problem]) -> Policy | None:
    try:
        return parse_policy(data, str(path), tenant.groups if tenant else (), included(data, path))
    except ManifestError as error:
        problems += error.problems
        return None


def _parsed_tenant(data: bytes, path: Path, problems: list[Problem]) -> TenantPolicy | None:
    try:
        return parse_tenant_policy(data, str(path))
    except ManifestError as error:
        problems += error.problems
        return None
