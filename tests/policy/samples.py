"""The policies and cases that the tests start from."""

from __future__ import annotations

from pathlib import Path

from app.policy.cases import parse_cases
from app.policy.judge import Judged, judge
from manifests.errors import ManifestError, Problem
from manifests.policy_parser import parse_policy, parse_tenant_policy
from tests.docs.pages import ROOT, blocks

SUITES = Path(__file__).parent / "suites"
PAGE = ROOT / "docs" / "policy-testing.md"
HEAD = "schema: countersign/policy-tests/v1\n"

POLICY = parse_policy((SUITES / "countersign.yaml").read_bytes(), "countersign.yaml")
RICH = parse_policy((SUITES / "rich.yaml").read_bytes(), "rich.yaml")
TENANT = parse_tenant_policy((SUITES / "tenant.yaml").read_bytes(), "tenant.yaml")


def shown(first: str) -> str:
    """The example on the page that begins with this line."""
    return next(block.text for block in blocks(PAGE) if block.text.startswith(f"{first}\n"))


def example(folder: Path) -> Path:
    """The page's example as files; the file of tests."""
    (folder / "countersign.yaml").write_text(shown("# policy"))
    tests = folder / "countersign.tests.yaml"
    tests.write_text(shown("# policy tests"))
    return tests


def problems(text: str) -> tuple[Problem, ...]:
    """The mistakes in a file of tests."""
    try:
        parse_cases(text.encode(), "t.yaml")
    except ManifestError as error:
        return error.problems
    return ()


def one(case: str) -> Judged:
    """One case, written in flow style, under the policies of the suites."""
    suite = parse_cases(f"{HEAD}cases:\n  - {case}\n".encode(), "t.yaml")
    return judge(suite.cases[0], POLICY, TENANT)
