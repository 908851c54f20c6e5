"""The effective rule: what all matching rules of the tenant and of the repository ask for together.

Every matching rule applies, so whatever an author declares (kind, name, environment) can only add
requirements; where no rule matches, nothing is allowed. People consent to the rule's digest, so a
tightened policy asks them anew.
"""

from __future__ import annotations

import msgspec

from gates import tighten
from gates.case import Case, Finding
from gates.glob import matches
from gates.model import Policies, PullFacts, ReleaseFacts, Result
from gates.terms import EffectiveRule, NoRule, digest_of
from gates.words import listing
from manifests.errors import Problem
from manifests.policy import POLICY_PATH, SCHEMA, Policy, Rule, When

_RELEASE_POLICY = (
    "Have it released by a pull request that Countersign allows, or let two stewards run countersign policy adopt."
)
_WRITE_POLICY = "Let an administrator merge a readable .github/countersign.yaml into the base branch."


def effective_rule(
    policies: Policies, release: ReleaseFacts, pull: PullFacts, environment: str
) -> EffectiveRule | NoRule:
    """Find and merge the rules for this release and environment, or say why that cannot be done."""
    manifest, tenant, repository = release.manifest, policies.tenant, _counting(policies, release)
    if manifest is None or tenant is None or repository is None:
        return NoRule(_absent(policies, release))
    named = [
        (layer, rule)
        for layer, rules in (("tenant", tenant.rules), ("repository", repository.rules))
        for rule in rules
        if applies(rule.when, release, pull, environment)
    ]
    if not named:
        unmatched = _unmatched(release, pull, environment)
        return NoRule((unmatched,) if repository is policies.repository else (unmatched, *_absent(policies, release)))
    rules: list[Rule] = [rule for _, rule in named]
    seats, seat_problems = tighten.seats(rules, environment)
    change, change_problems = tighten.change(rules)
    groups, group_problems = tighten.groups(tenant, repository, seats)
    if problems := (*seat_problems, *change_problems, *group_problems):
        return NoRule(problems)
    evidence = tuple(sorted({type for rule in rules for type in rule.evidence}))
    terms = EffectiveRule(
        rules=tighten.names(named),
        seats=seats,
        expires=min(rule.expires for rule in rules),
        gates=tighten.gates(rules),
        evidence=evidence,
        change=change,
        groups=groups,
        trust=tighten.trust(tenant, repository, ("lineage", *evidence)),
        membership_age=tenant.people.membership_age,
        freshness=tenant.freshness,
    )
    return msgspec.structs.replace(terms, digest=digest_of(terms))


def applies(when: When, release: ReleaseFacts, pull: PullFacts, environment: str) -> bool:
    """Whether a rule is for this release. Names and environments match in any letter case: a rule that
    matches more asks for more, and an author must not escape one by spelling."""
    manifest = release.manifest
    if manifest is None or (when.kind and manifest.kind not in when.kind):
        return False
    return (
        _any(when.name, manifest.name, fold=True)
        and _any(when.environment, environment, fold=True)
        and _any(when.paths, release.manifest_path)
        and _any(when.base_ref, pull.base_ref)
    )


def is_policy(release: ReleaseFacts) -> bool:
    """Whether the release is the policy of its repository."""
    return release.manifest is not None and release.manifest.kind == "policy" and release.manifest_path == POLICY_PATH


def _counting(policies: Policies, release: ReleaseFacts) -> Policy | None:
    """The repository's policy, if it counts. Where it does not, the tenant's rules alone judge what is to take its
    place: else the first policy could not come by a pull request, and a bad one not go by one."""
    if policies.repository is not None and not policies.problem and not policies.unreleased:
        return policies.repository
    return Policy(SCHEMA) if is_policy(release) else None


def rule(case: Case) -> Finding:
    """Which rules apply."""
    if isinstance(case.rule, NoRule):
        troubles = tuple(_trouble(problem) for problem in case.rule.problems)
        first = troubles[0]
        children = troubles if len(troubles) > 1 else ()
        return Finding(Result("rule", first.status, first.summary, first.remedy, children))
    which = listing(case.rule.rules, most=8)
    return Finding(Result("rule", "pass", f"What has to hold here is said by {which}."))


def _any(patterns: tuple[str, ...], value: str, fold: bool = False) -> bool:
    if not patterns:
        return True
    if fold:
        return any(matches(pattern.casefold(), value.casefold()) for pattern in patterns)
    return any(matches(pattern, value) for pattern in patterns)


def _trouble(problem: Problem) -> Result:
    return Result(problem.code, "fail", problem.message, problem.remedy)


def _absent(policies: Policies, release: ReleaseFacts) -> tuple[Problem, ...]:
    found: list[Problem] = []
    if policies.tenant is None:
        found.append(
            Problem(
                "tenant-policy-missing",
                "There is no tenant policy, so nothing says what this release needs.",
                "Let an administrator of Countersign install the tenant policy.",
            )
        )
    if policies.unreleased and not policies.problem:
        found.append(Problem("policy-unreleased", policies.unreleased, _RELEASE_POLICY))
    elif policies.repository is None or policies.problem:
        why = policies.problem or "there is none"
        found.append(
            Problem(
                "policy-unreadable",
                f"The policy on the base branch cannot be used: {why}.",
                _WRITE_POLICY,
            )
        )
    if release.manifest is None:
        found.append(
            Problem(
                "manifest-unreadable",
                "The release manifest cannot be read, so no rule can be chosen for it.",
                "Correct the manifest and push it again.",
            )
        )
    return tuple(found)


def _unmatched(release: ReleaseFacts, pull: PullFacts, environment: str) -> Problem:
    return Problem(
        "no-rule",
        f"No rule of the policy matches {release.manifest_path} for {environment} into {pull.base_ref}.",
        "Add a rule to .github/countersign.yaml whose conditions cover this release, or correct what the "
        "manifest declares.",
    )
