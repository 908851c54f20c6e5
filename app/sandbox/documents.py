"""The documents of a small but real release, made on the spot: dataset, model, lineage, back-test, policies."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence

import msgspec

from manifests import dsse, test_results
from manifests.attestation import FileDigest
from manifests.keys import PrivateKey
from manifests.lineage_record import Commit, Recipe, build_lineage
from manifests.test_results import TestResult

FOLDER = "releases/intraday"
MANIFEST = f"{FOLDER}/release.yaml"
MODEL = f"{FOLDER}/policy.json"
BACK_TEST = f"{FOLDER}/backtest.dsse.json"
NAME = "intraday-policy"
CODE_COMMIT = hashlib.sha1(b"the training code", usedforsecurity=False).hexdigest()


class ModelFiles(msgspec.Struct, frozen=True):
    """A trained model and what it was trained on."""

    dataset: bytes
    model: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.model).hexdigest()


def train(days: int = 250, shift: float = 0.0) -> ModelFiles:
    """A volatility model fitted by least squares to a year of made-up returns. The same numbers every time."""
    returns = [0.01 * math.sin(day * 1.7 + shift) + 0.004 * math.cos(day * 0.31) for day in range(days)]
    rows = [(abs(returns[i - 1]), abs(returns[i])) for i in range(1, days)]
    mean_x = math.fsum(x for x, _ in rows) / len(rows)
    mean_y = math.fsum(y for _, y in rows) / len(rows)
    slope = math.fsum((x - mean_x) * (y - mean_y) for x, y in rows) / math.fsum((x - mean_x) ** 2 for x, _ in rows)
    dataset = "day,return\n" + "".join(f"{day},{value:.8f}\n" for day, value in enumerate(returns))
    weights = {"kind": "linear volatility", "intercept": f"{mean_y - slope * mean_x:.10f}", "slope": f"{slope:.10f}"}
    return ModelFiles(dataset.encode(), json.dumps(weights, indent=1).encode() + b"\n")


def lineage(files: ModelFiles, key: PrivateKey, triggered_by: str = "") -> bytes:
    """Lineage of the model as a DSSE envelope signed by the training cluster's key."""
    dataset = FileDigest("dataset:returns.csv", hashlib.sha256(files.dataset).hexdigest())
    recipe = Recipe(
        subjects=(FileDigest("policy.json", files.sha256),),
        datasets=(dataset,),
        parameters={"lookback_days": 1, "method": "least squares"},
        code=Commit("git+https://github.com/acme/training", CODE_COMMIT),
        builder_id="https://training.acme.example/cluster",
        triggered_by=triggered_by or None,
    )
    return dsse.encode(dsse.sign(dsse.IN_TOTO, build_lineage(recipe), [key], carry_public_key=True))


def back_test(files: ModelFiles, key: PrivateKey, passed: bool = True) -> bytes:
    """The back-test's report as a DSSE envelope."""
    result = TestResult(
        subjects=(FileDigest("policy.json", files.sha256),),
        result="PASSED" if passed else "FAILED",
        configuration=(FileDigest("back-test.yaml", hashlib.sha256(b"limit: 0.01").hexdigest()),),
        passed_tests=("VaR breaches below 1 %",) if passed else (),
        failed_tests=() if passed else ("VaR breaches below 1 %",),
    )
    return dsse.encode(dsse.sign(dsse.IN_TOTO, test_results.build_test_result(result), [key], carry_public_key=True))


def manifest(
    files: ModelFiles, version: str, window: tuple[str, str], environments: Sequence[str], name: str = NAME
) -> bytes:
    return f"""\
schema: countersign/release/v1
kind: model
name: {name}
version: "{version}"
rationale: Retrained on Q3 data after the drift alert; VaR breaches fall from 1.4 % to 0.6 %.
environments: [{", ".join(environments)}]
artifacts:
  - {{name: policy.json, path: policy.json, sha256: {files.sha256}, size: {len(files.model)}}}
lineage: lineage.dsse.json
evidence:
  - {{type: test-result, path: backtest.dsse.json}}
change:
  type: normal
  window: {{start: {window[0]}, end: {window[1]}}}
  implementation_plan: The release pipeline puts the file on the pricing hosts, one region after the other.
  backout_plan: The pipeline puts the previous version back.
  test_plan: Shadow pricing for ten minutes, compared with the previous version.
""".encode()


def policy(training: PrivateKey, testing: PrivateKey, alice: PrivateKey, *, change: bool = True) -> bytes:
    """The repository's policy, read from the base branch. Alice's own key is trusted, for releases of others.

    Without ``change`` it asks for no change request.
    """
    gates = ["artifacts", "lineage", "rationale", "evidence", *(["change"] if change else []), "freeze"]
    asked = "\n    change: {type: normal, assignment_group: Change Management, cab: true}" if change else ""
    return f"""\
schema: countersign/policy/v1
groups:
  senior-developers: {{github_team: acme/senior-developers}}
  risk-managers: {{github_team: acme/risk, servicenow_group: Risk Management}}
trust:
  lineage: [{{key: "{training.public.fingerprint}", who: training cluster}}]
  test-result:
    - {{key: "{testing.public.fingerprint}", who: back-test service}}
    - {{key: "{alice.public.fingerprint}", who: research desk, person: alice}}
rules:
  - name: model to production
    when: {{kind: model, environment: production, paths: ["releases/**"]}}
    seats:
      - {{group: senior-developers, count: 1, signature: attested, accept: [review, command]}}
      - {{group: risk-managers, count: 1, signature: attested, accept: [review, command]}}
    expires: 72h
    gates: [{", ".join(gates)}]
    evidence: [test-result]{asked}
""".encode()


def lax_policy() -> bytes:
    """What somebody in a hurry would like the policy to be."""
    return b"""\
schema: countersign/policy/v1
groups:
  anybody: {members: [mallory]}
rules:
  - name: anything goes
    seats:
      - {group: anybody, count: 1, signature: attested}
    gates: [rationale]
"""


def tenant_policy(installation: int, base_refs: Sequence[str] = ("main",)) -> bytes:
    """The policy over all repositories; writers of repositories cannot change it."""
    return f"""\
schema: countersign/policy/v1
base_refs:
  - {{repository: acme/models, refs: [{", ".join(base_refs)}]}}
installations: [{installation}]
people: {{membership_age: 0s, key_cooldown: 0s}}
workflows: [.github/workflows/release.yml]
""".encode()


def release_files(
    files: ModelFiles, training: PrivateKey, testing: PrivateKey, *, version: str, window: tuple[str, str],
    environments: Sequence[str] = ("production",), folder: str = FOLDER, name: str = NAME,
) -> dict[str, bytes]:  # fmt: skip
    """Everything that the release's pull request adds."""
    return {
        f"{folder}/release.yaml": manifest(files, version, window, environments, name),
        f"{folder}/policy.json": files.model,
        f"{folder}/lineage.dsse.json": lineage(files, training),
        f"{folder}/backtest.dsse.json": back_test(files, testing),
    }
