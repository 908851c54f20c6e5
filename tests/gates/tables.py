"""Tables of cases: one altered fact, the gate that sees it, and what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from gates.decide import decide
from gates.model import Policies, Question, Result, Snapshot, Status, Verdict
from tests.gates.builders import alter, passing, under

Change = Mapping[str, Any]


class Row(NamedTuple):
    """``changes`` maps a path (``pull.state``, ``consents.0.void``, ``tenant.freshness``) to its new value, or to
    a function of the old one. ``agreed`` gives the consents anew under the altered policy."""

    behaviour: str
    changes: Change
    status: Status
    says: str = ""
    question: Question = "deploy"
    agreed: bool = False


def altered(changes: Change, question: Question = "deploy", agreed: bool = False) -> tuple[Policies, Snapshot]:
    """The passing case with the facts at the given paths altered."""
    policies, snapshot = passing(question)
    for path, value in changes.items():
        if path.split(".")[0] in ("tenant_policy", "repository_policy", "policies"):
            keys = path.replace("tenant_policy", "tenant").replace("repository_policy", "repository").split(".")
            policies = put(policies, keys[1:] if keys[0] == "policies" else keys, value)
        else:
            snapshot = put(snapshot, path.split("."), value)
    return policies, under(policies, snapshot) if agreed else snapshot


def put(value: Any, path: list[str], new: Any) -> Any:
    """A copy of a frozen structure with one place replaced."""
    if not path:
        return new(value) if isinstance(new, Callable) else new  # type: ignore[arg-type]
    head, rest = path[0], path[1:]
    if isinstance(value, tuple):
        index = int(head)
        return (*value[:index], put(value[index], rest, new), *value[index + 1 :])
    if isinstance(value, dict):
        return {**value, head: put(value.get(head), rest, new)}
    return alter(value, **{head: put(getattr(value, head), rest, new)})


def hold(row: Row, gate: str) -> None:
    """Decide the row's case; the gate must have the status, say the words, and explain itself."""
    verdict = decide(*altered(row.changes, row.question, row.agreed))
    result = next((result for result in verdict.results if result.name == gate), None)
    assert result is not None, f"no gate {gate} among {[r.name for r in verdict.results]}"
    said = "\n".join(f"{node.name}: {node.summary} [{node.remedy}]" for node in nodes((result,)))
    assert result.status == row.status, said
    assert row.says in said, said
    assert verdict.outcome in {"pass": ("allow",), "wait": ("wait",)}.get(row.status, ("deny",)), (
        verdict.outcome,
        verdict.failing(),
    )
    assert_explained(verdict)


def nodes(results: tuple[Result, ...]) -> Iterator[Result]:
    for result in results:
        yield result
        yield from nodes(result.children)


def assert_explained(verdict: Verdict) -> None:
    """Every summary is a sentence, whatever does not hold has a remedy, no parent looks better than a child."""
    order = ("pass", "waived", "wait", "fail", "error")
    for node in nodes(verdict.results):
        assert node.summary.strip(), node
        assert node.status in ("pass", "waived") or node.remedy, node
        assert all(order.index(node.status) >= order.index(child.status) for child in node.children), node
    assert msgspec.json.decode(msgspec.json.encode(verdict), type=Verdict) == verdict
