"""The effective rule: what all matching rules of the tenant and of the repository ask for together.

Every matching rule applies, so whatever an author declares (kind, name, environment) can only add
requirements; where no rule matches, nothing is allowed. People consent to the rule's digest, so a
tightened policy asks them anew.
"""

from __future__ import annotations

import msgspec

from gates import conditions, definitions
from gates.case import Case, Finding
from gates.excluded import Excluded
from gates.groups import Roster, rosters
from gates.membership import Registry, objection
from gates.merging import merged
from gates.model import Contributor, GroupFacts, Policies, PullFacts, ReleaseFacts, Result, Snapshot, Status
from gates.terms import EffectiveRule, NoRule
from gates.words import SECOND, listing
from manifests.errors import Problem
from manifests.policy import POLICY_PATH, SCHEMA, Policy, TenantPolicy

_RELEASE_POLICY = (
    "Have it released by a pull request that Countersign allows, or let two stewards run countersign policy adopt."
)
_WRITE_POLICY = "Let an administrator merge a readable .github/countersign.yaml into the base branch."


def effective_rule(
    policies: Policies,
    release: ReleaseFacts,
    pull: PullFacts,
    environment: str,
    *,
    groups: tuple[GroupFacts, ...] = (),
    requesters: tuple[Contributor, ...] = (),
) -> EffectiveRule | NoRule:
    """Find and merge the rules for this release and environment, or say why that cannot be done.

    ``groups`` are those that conditions ask about (``condition_groups``), ``requesters`` who asked for the release,
    among others that took part; what is not given is not known, and makes rules apply.
    """
    manifest, tenant, repository = release.manifest, policies.tenant, _counting(policies, release)
    if manifest is None or tenant is None or repository is None:
        return NoRule(_absent(policies, release))
    asking = tuple(contributor for contributor in requesters if contributor.role == "requester")
    named = conditions.named_groups((*tenant.rules, *repository.rules))
    known = _rosters(tenant, repository, named, groups) if named else {}
    settled = _rosters(tenant, repository, named, _settled(groups, release, tenant, asking)) if named else {}
    facts = conditions.Facts(manifest, release, pull, environment, asking, known, settled)
    judged = [
        (layer, rule, conditions.judge(rule.when, facts))
        for layer, rules in (("tenant", tenant.rules), ("repository", repository.rules))
        for rule in rules
    ]
    applying = [(layer, rule) for layer, rule, truth in judged if truth.holds is not False]
    if not applying:
        unmatched = _unmatched(release, pull, environment)
        return NoRule((unmatched,) if repository is policies.repository else (unmatched, *_absent(policies, release)))
    if not any(truth.holds for _, _, truth in judged):
        return NoRule((_untold({name for _, _, truth in judged for name in truth.missing}),), waits=True)
    if is_policy(release):
        # What it says counts from the merge on, and nothing of it is deployed: nobody would ever have to look back.
        applying = [(layer, msgspec.structs.replace(rule, break_glass=None)) for layer, rule in applying]
    return merged(tenant, repository, applying, environment)


def applying_rule(policies: Policies, snapshot: Snapshot) -> EffectiveRule | NoRule:
    """The effective rule for what a snapshot asks about."""
    return effective_rule(
        policies,
        snapshot.release,
        snapshot.pull,
        snapshot.environment,
        groups=snapshot.groups,
        requesters=snapshot.contributors.known,
    )


def condition_groups(policies: Policies) -> tuple[str, ...]:
    """The groups that have to be known before it can be told which rules apply, sorted."""
    layers = (policies.tenant, policies.repository)
    return conditions.named_groups(rule for policy in layers if policy is not None for rule in policy.rules)


def _rosters(
    tenant: TenantPolicy, repository: Policy, named: tuple[str, ...], groups: tuple[GroupFacts, ...]
) -> dict[str, Roster]:
    terms, _ = definitions.groups(tenant, repository, named)
    return rosters({group.name: group.definition for group in terms}, groups, lambda member: "")


def _settled(
    groups: tuple[GroupFacts, ...], release: ReleaseFacts, tenant: TenantPolicy, asking: tuple[Contributor, ...]
) -> tuple[GroupFacts, ...]:
    """The groups without whoever joined too late, or was let in by who asks for the release or by themselves."""
    makers = Excluded(
        {}, {}, frozenset(one.account for one in asking) - {""}, frozenset(one.person for one in asking) - {""}, ()
    )
    age = tenant.people.membership_age
    known = Registry(release.proposed_at - age * SECOND, age, makers, {})
    return tuple(
        msgspec.structs.replace(
            group,
            # Whose accounts are bots' fill no seats, and may well be who a rule is not for.
            members=tuple(m for m in group.members if not objection(msgspec.structs.replace(m, kind="User"), known)),
        )
        for group in groups
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
        status: Status = "wait" if case.rule.waits else "fail"
        troubles = tuple(Result(p.code, status, p.message, p.remedy) for p in case.rule.problems)
        first = troubles[0]
        children = troubles if len(troubles) > 1 else ()
        return Finding(Result("rule", first.status, first.summary, first.remedy, children))
    which = listing(case.rule.rules, most=8)
    return Finding(Result("rule", "pass", f"What has to hold here is said by {which}."))


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


def _untold(missing: set[str]) -> Problem:
    named = listing(sorted(missing))
    return Problem(
        "rule-unknown",
        f"It cannot be told yet whether a rule of the policy applies. Not known of the pull request: {named}.",
        "Evaluate the release again; if this stays, let an administrator find out why that cannot be read, or add a "
        "rule whose conditions do not need it.",
    )
