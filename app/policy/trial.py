"""The tests of a repository's policy, run where there are no files: on bytes, under the tenant's own policy."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping

import msgspec

from app.policy import references
from app.policy.cases import parse_cases
from app.policy.judge import judge
from app.policy.model import Case, Suite
from app.policy.suites import SUFFIX
from gates.model import Policies
from manifests.errors import ManifestError, Problem
from manifests.policy import POLICY_PATH, BaseRefs, Policy, TenantPolicy

FOLDER = posixpath.dirname(POLICY_PATH)
MAX_CASES = 500
MAX_PROBLEMS = 20
_CORRECT = "Correct the policy, or what the test expects; `countersign policy test` shows the whole verdict."


class Trial(msgspec.Struct, frozen=True):
    """``cases`` were decided, of ``files`` that test this policy; ``problems`` is empty when all is as expected."""

    files: int = 0
    cases: int = 0
    problems: tuple[Problem, ...] = ()


def run(
    files: Mapping[str, bytes], policy: Policy, tenant: TenantPolicy, in_time: Callable[[], bool],
    repository: str = "", base_ref: str = "",
) -> Trial:  # fmt: skip
    """Decide every case of these files (by path) that is about `.github/countersign.yaml`. Never raises.

    What a case leaves open is a release of ``repository`` into ``base_ref``. ``in_time`` is asked before each case.
    """
    tenant = _for_repository(tenant, repository, base_ref)
    problems: list[Problem] = []
    waiting: list[tuple[str, Case]] = []
    count = 0
    for path, data in sorted(files.items()):
        suite = _read(data, path, problems)
        if suite is None or _tested(suite, path) != POLICY_PATH:
            continue
        count += 1
        problems += references.problems(suite, Policies(tenant, policy), path)
        waiting += [(path, case) for case in suite.cases]
    if len(waiting) > MAX_CASES:
        problems.append(_problem("policy.tests_too_many", f"Expected at most {MAX_CASES} cases, found {len(waiting)}."))
    decided = 0
    for path, case in waiting[:MAX_CASES] if not problems else ():
        if not in_time():
            problems.append(_problem("policy.tests_too_slow", f"Only {decided} of {len(waiting)} cases were in time."))
            break
        decided += 1
        problems += _differences(path, case, policy, tenant)
    return Trial(count, decided, _most(problems))


def is_tests(path: str) -> bool:
    """Whether a file of a repository holds tests that are run with every change of its policy."""
    return posixpath.dirname(path) == FOLDER and path.endswith(SUFFIX)


def _read(data: bytes, path: str, problems: list[Problem]) -> Suite | None:
    try:
        return parse_cases(data, path)
    except ManifestError as error:
        problems += error.problems
        return None


def _tested(suite: Suite, path: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), suite.policy))


def _for_repository(tenant: TenantPolicy, repository: str, base_ref: str) -> TenantPolicy:
    """The same policy, with the branch in front that cases are about which name none."""
    if not repository or not base_ref:
        return tenant
    listed = any(base_ref in entry.refs and _names(entry.repository, repository) for entry in tenant.base_refs)
    first = (BaseRefs(repository, (base_ref,)),) if listed else ()
    return msgspec.structs.replace(tenant, base_refs=(*first, *tenant.base_refs))


def _names(entry: str, repository: str) -> bool:
    owner = repository.casefold().partition("/")[0]
    return entry.casefold() in (repository.casefold(), f"{owner}/*")


def _differences(path: str, case: Case, policy: Policy, tenant: TenantPolicy) -> Iterator[Problem]:
    try:
        differences = judge(case, policy, tenant).differences
    except Exception as error:
        differences = (f"It could not be decided ({type(error).__name__}).",)
    if differences:
        message = f"The test “{case.name}” came out otherwise: {' '.join(differences)}"
        yield Problem("policy.test_failed", message, _CORRECT, path, case.line, 1)


def _most(problems: list[Problem]) -> tuple[Problem, ...]:
    if len(problems) <= MAX_PROBLEMS:
        return tuple(problems)
    left = len(problems) - MAX_PROBLEMS
    return (*problems[:MAX_PROBLEMS], _problem("policy.tests_failed", f"{left} more came out otherwise."))


def _problem(code: str, message: str) -> Problem:
    return Problem(code, message, "Run `countersign policy test` to see them all; have fewer cases, or smaller ones.")
