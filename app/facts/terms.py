"""The rules that apply to a release and the groups that they ask about."""

from __future__ import annotations

from app.facts.group_source import Scope
from app.tenants.registry import Tenant
from gates.definitions import groups_named
from gates.groups import has_source
from gates.model import Contributors, GroupFacts, Policies, PullFacts, ReleaseFacts
from gates.rule import condition_groups, effective_rule
from gates.terms import EffectiveRule, GroupTerms, NoRule


async def terms(
    tenant: Tenant, scope: Scope, policies: Policies, release: ReleaseFacts, pull: PullFacts, who: Contributors
) -> tuple[dict[str, EffectiveRule | NoRule], dict[str, tuple[GroupFacts, ...]]]:
    """By environment: what applies, and the groups of it and of the conditions it was chosen by. Raises
    RateLimitedError and UnavailableError."""
    environments = release.manifest.environments if release.manifest else ()
    asked = await _read(tenant, scope, groups_named(policies, condition_groups(policies)))
    rules = {
        name: effective_rule(
            policies, release, pull, name, groups=tuple(asked.values()), requesters=who.known
        )
        for name in environments
    }  # fmt: skip
    groups = dict.fromkeys(environments, asked)
    for name, rule in rules.items():
        if isinstance(rule, EffectiveRule):
            more = tuple(group for group in rule.groups if group.name not in asked)
            groups[name] = asked | await _read(tenant, scope, more)
    return rules, {name: tuple(found[group] for group in sorted(found)) for name, found in groups.items()}


async def _read(tenant: Tenant, scope: Scope, groups: tuple[GroupTerms, ...]) -> dict[str, GroupFacts]:
    """What has no source of its own is put together by the gates from those it names."""
    wanted = [(group.name, group.definition) for group in groups if has_source(group.definition)]
    return {facts.name: facts for facts in await tenant.groups.read(scope, wanted)}
