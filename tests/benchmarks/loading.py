"""Reading a policy of 2,000 lines from its bytes, and again what those bytes say."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable, Sequence

from app.facts.reading import Reading
from manifests.policy import POLICY_PATH
from manifests.policy_parser import parse_policy
from tests.benchmarks.result import Measured, main

LINES = 2_000
TIMES = 15
AGAIN = 1_000
FINGERPRINT = "SHA256:uNiVztksCsDhcc0u9e8BrqsdgZMVW0SOrMcmPb2pz2A"
HEAD = f"""\
schema: countersign/policy/v1
groups:
  developers: {{github_team: acme/developers}}
  risk: {{servicenow_group: Risk Management}}
  board: {{any_of: [developers, risk], all_of: [risk]}}
trust:
  test-result: [{{key: "{FINGERPRINT}", who: back-test service}}]
rules:
"""
RULE = """\
  - name: model NUMBER to production
    when: {kind: model, environment: production, paths: ["releases/mNUMBER/**"], labels: [risky], size: {lines: 500}}
    seats:
      - {group: developers, count: 1, signature: attested, accept: [review, command], shown: [test-result]}
      - {group: risk, count: 1, signature: personal}
    expires: 72h
    gates: [artifacts, lineage, rationale, evidence, change, freeze]
    evidence:
      - {type: test-result, require: [{field: metrics.breach_rate, number: "<= 0.6 %"}]}
    change: {type: normal, assignment_group: Change Management, cab: true}
    veto: [board]
    break_glass: {groups: [developers, risk], review_by: board}
"""


async def measure(quick: bool) -> Sequence[Measured]:
    data = policy_of(LINES)
    times = 5 if quick else TIMES
    first = await asyncio.to_thread(_median_ms, lambda: parse_policy(data, POLICY_PATH), times, 1)
    reading = Reading()
    reading.policy(data, POLICY_PATH, ())
    again = await asyncio.to_thread(_median_ms, lambda: reading.policy(data, POLICY_PATH, ()), times, AGAIN)
    return [
        Measured(f"policy.load.{LINES}", first, "ms", "≤", 50, floor=50),
        Measured(f"policy.again.{LINES}", again, "ms", "≤", 1),
    ]


def policy_of(lines: int) -> bytes:
    """A policy of so many lines: as many rules as fit, and comments."""
    rules = (lines - HEAD.count("\n")) // RULE.count("\n")
    text = HEAD + "".join(RULE.replace("NUMBER", str(number)) for number in range(rules))
    return (text + "# the end\n" * (lines - text.count("\n"))).encode()


def _median_ms(load: Callable[[], object], times: int, each: int) -> float:
    found = []
    for _ in range(times):
        started = time.perf_counter()
        for _ in range(each):
            load()
        found.append((time.perf_counter() - started) / each * 1000)
    return statistics.median(found)


if __name__ == "__main__":
    main(measure, __doc__)
