"""The required checks gate: checks of other Apps that have to be green at this very head."""

from __future__ import annotations

from gates.case import Case, Finding, judged
from gates.model import CheckFacts, ChecksFacts, Result
from gates.terms import NoRule
from gates.words import listing, short
from manifests.policy_terms import RequiredCheck

ANY = "any"
_AGAIN = "It is asked again; if this stays, let an administrator run countersign doctor."


def required_checks(case: Case) -> Finding:
    """Only ``success`` counts. GitHub lets ``neutral`` and ``skipped`` merge; here a check that did not run has not
    said that anything is in order."""
    facts = case.snapshot.checks
    if isinstance(case.rule, NoRule) or not case.rule.required_checks:
        why = "No rule says which checks this release needs."
        remedy = "Name them under required_checks in the rule of the policy that lists this gate."
        return Finding(Result("required_checks", "fail", why, remedy))
    if facts is None:
        return Finding(Result("required_checks", "wait", "The checks at the head have not been read yet.", _AGAIN))
    if facts.problem:
        why = f"The checks at the head cannot be read: {facts.problem.rstrip('.')}."
        return Finding(Result("required_checks", "error", why, _AGAIN))
    asked = sorted({(check.name, check.app): check for check in case.rule.required_checks}.items())
    results = [result for _, check in asked for result in _check(check, facts, case.snapshot.pull.head_sha)]
    names = listing(name for (name, _), _ in asked)
    return Finding(judged("required_checks", f"Green at {short(case.snapshot.pull.head_sha)}: {names}.", results))


def _check(asked: RequiredCheck, facts: ChecksFacts, head: str) -> list[Result]:
    """With ``any`` App every check of the name has to be green: whoever can post one must not outshine another."""
    named = [one for one in facts.checks if one.name == asked.name and asked.app in (ANY, one.app)]
    found = sorted({(one.app, one.conclusion): one for one in named if one.sha == head and head}.items())
    if not found:
        return [_missing(asked, named, head)]
    return [result for _, one in found if (result := _judged(one)) is not None]


def _missing(asked: RequiredCheck, named: list[CheckFacts], head: str) -> Result:
    where = f"; it ran at {listing(sorted({short(one.sha) for one in named}))}" if named else ""
    return Result(
        asked.name,
        "wait",
        f"The check {asked.name}{_by(asked.app)} has not run at {short(head)}{where}.",
        f"Let {asked.name} run at the head of the pull request.",
        who=_whose(asked.app),
        changes=f"{asked.name} succeeding at {short(head)}",
    )


def _judged(found: CheckFacts) -> Result | None:
    if found.conclusion == "success":
        return None
    name, who = found.name, _whose(found.app)
    if not found.conclusion:
        summary = f"The check {name}{_by(found.app)} is still under way."
        return Result(name, "wait", summary, "Wait until it has ended.", who=who, changes=f"{name} succeeding")
    did = f"The check {name}{_by(found.app)} ended as {found.conclusion}, and only success counts."
    remedy = f"Mend what {name} found, or let it run again where it did not run."
    return Result(name, "fail", did, remedy, who=who, changes=f"{name} succeeding")


def _by(app: str) -> str:
    return {ANY: "", "status": " (a commit status)"}.get(app, f" of the App {app}")


def _whose(app: str) -> str:
    return {ANY: "", "status": "whoever sets this commit status"}.get(app, f"the App {app}")
