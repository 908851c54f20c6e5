"""Which workflows may deploy."""

from __future__ import annotations

import pytest

from app.gate.workflows import listed
from manifests.policy_parser import parse_tenant_policy

PATH = ".github/workflows/deploy.yml"
HERE = "acme/models"

ROWS = (
    (PATH, HERE, PATH, True),
    (PATH, "acme/other", PATH, True),
    (f"{HERE}/{PATH}", HERE, PATH, True),
    (f"{HERE}/{PATH}", "Acme/Models", PATH, True),
    (f"{HERE}/{PATH}", HERE, f"{PATH}@main", True),
    (f"{HERE}/{PATH}", "acme/other", PATH, False),
    (f"{HERE}/{PATH}", "acme/models2", PATH, False),
    (f"{HERE}/{PATH}", HERE, ".github/workflows/Deploy.yml", False),
    (PATH, HERE, ".github/workflows/evil.yml", False),
    (PATH, HERE, f"mallory/models/{PATH}", False),
    (f"{PATH}@main", HERE, f"{PATH}@main", True),
    (f"{PATH}@main", HERE, f"{PATH}@other", False),
    (f"{PATH}@main", HERE, PATH, False),
    (f"{HERE}/{PATH}@refs/heads/main", HERE, f"{PATH}@refs/heads/main", True),
)


@pytest.mark.parametrize(("entry", "repository", "path", "may"), ROWS)
def test_an_entry_with_a_repository_counts_there_only_and_one_without_everywhere(
    entry: str, repository: str, path: str, may: bool
) -> None:
    assert listed(("x/y/.github/workflows/z.yml", entry), repository, path) is may


def test_no_entry_lists_nothing() -> None:
    assert not listed((), HERE, PATH)


@pytest.mark.parametrize("entry", [PATH, f"{HERE}/{PATH}"])
def test_what_the_parser_takes_is_what_counts(entry: str) -> None:
    policy = parse_tenant_policy(f"schema: countersign/policy/v1\nworkflows: [{entry}]\n".encode(), "tenant.yaml")
    assert listed(policy.workflows, HERE, PATH)
