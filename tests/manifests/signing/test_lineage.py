from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests import attestation, lineage, test_results
from manifests.attestation import FileDigest
from manifests.errors import ManifestError
from manifests.lineage import Material
from manifests.lineage_people import invoked_by, named_people
from manifests.lineage_record import Commit, Recipe, build_lineage
from manifests.test_results import Outcome, TestResult, build_test_result
from tests.manifests.signing.vectors import load

A, B, C = "a" * 64, "b" * 64, "c" * 64
HEAD = "1" * 40


def _provenance(**changes: Any) -> dict[str, Any]:
    document: dict[str, Any] = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "policy.pt", "digest": {"sha256": A}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "https://example.com/training",
                "externalParameters": {"lr": 0.001, "epochs": 3},
                "resolvedDependencies": [
                    {"uri": "s3://data/prices", "digest": {"sha256": B}, "annotations": {"kind": "dataset"}},
                    {"name": "dataset:news", "digest": {"md5": "d41d8cd98f00b204e9800998ecf8427e"}},
                    {"uri": "git+https://github.com/acme/models", "digest": {"gitCommit": HEAD}},
                    {"name": "base", "digest": {"sha256": C}, "annotations": {"kind": "base-model"}},
                ],
            },
            "runDetails": {"builder": {"id": "https://example.com/cluster"}, "metadata": {}, "byproducts": []},
        },
    }
    document["predicate"]["buildDefinition"].update(changes)
    return document


def _read(document: object) -> lineage.Lineage:
    return lineage.read(json.dumps(document).encode())


def test_a_foreign_provenance_tells_what_went_into_the_model() -> None:
    found = _read(_provenance())
    assert found.subjects == (FileDigest("policy.pt", A),)
    assert found.datasets == (Material("s3://data/prices", B), Material("dataset:news", None))
    assert found.without_fingerprint == ("dataset:news",)
    assert found.base_models == (Material("base", C),)
    assert (found.code_commit, found.builder_id) == (HEAD, "https://example.com/cluster")
    assert (found.invoked_by, found.named_people) == (None, ())


@pytest.mark.parametrize("digest", [{}, {"sha256": ""}, {"sha256": "B" * 64}, {"sha256": "b" * 63}, {"md5": B}])
def test_a_dataset_without_a_proper_sha256_is_reported(digest: dict[str, str]) -> None:
    dependency = {"name": "prices", "digest": digest, "annotations": {"kind": "dataset"}}
    assert _read(_provenance(resolvedDependencies=[dependency])).without_fingerprint == ("prices",)


@pytest.mark.parametrize(
    ("commits", "found"), [([], None), ([HEAD], HEAD), ([HEAD, HEAD], HEAD), ([HEAD, "2" * 40], None)]
)
def test_the_code_commit_is_told_only_if_there_is_exactly_one(commits: list[str], found: str | None) -> None:
    dependencies = [{"uri": "git+https://x", "digest": {"gitCommit": commit}} for commit in commits]
    assert _read(_provenance(resolvedDependencies=dependencies)).code_commit == found


def test_a_dependency_marked_as_code_is_preferred() -> None:
    marked = {"uri": "git+https://x", "digest": {"gitCommit": HEAD}, "annotations": {"kind": "code"}}
    library = {"uri": "git+https://y", "digest": {"gitCommit": "2" * 40}}
    assert _read(_provenance(resolvedDependencies=[library, marked])).code_commit == HEAD


def test_the_digest_of_parameters_follows_their_values_not_their_order() -> None:
    one = lineage.parameters_digest({"lr": 0.1, "deep": {"a": [1, 2**60]}, "größe": 1})
    assert one == lineage.parameters_digest({"größe": 1, "deep": {"a": [1, 2**60]}, "lr": 0.1})
    assert one != lineage.parameters_digest({"lr": 0.2, "deep": {"a": [1, 2**60]}, "größe": 1})
    assert one != lineage.parameters_digest({"lr": 0.1, "deep": {"a": [1, 2**60 + 1]}, "größe": 1})


@pytest.mark.parametrize(
    ("parameters", "invoker", "people"),
    [
        ([{"triggeredBy": "Alice"}], "Alice", ("alice",)),
        ([{"GITHUB_ACTOR": "bob", "GITHUB_TRIGGERING_ACTOR": "carol"}], "carol", ("bob", "carol")),
        ([{"github": {"actor_id": "1"}}, {"triggered_by": "@dora"}], "dora", ("dora",)),
        ([{"deep": [{"authors": ["eve", "", "Frank"]}]}], None, ("eve", "frank")),
        ([{"triggeredBy": {"login": "x"}}, {"lr": 3, "people": None}], None, ()),
        ([], None, ()),
    ],
)
def test_everybody_named_is_found(parameters: Any, invoker: str | None, people: tuple[str, ...]) -> None:
    assert (invoked_by(parameters), named_people(parameters)) == (invoker, people)


def _without(path: str) -> dict[str, Any]:
    document = _provenance()
    *parents, last = path.split(".")
    place = document
    for name in parents:
        place = place[name]
    del place[last]
    return document


@pytest.mark.parametrize(
    "document",
    [
        *map(
            _without,
            [
                "_type",
                "subject",
                "predicateType",
                "predicate",
                "predicate.runDetails",
                "predicate.runDetails.builder.id",
                "predicate.buildDefinition.externalParameters",
            ],
        ),
        {**_provenance(), "subject": []},
        {**_provenance(), "subject": [{"name": "x", "digest": {}}]},
        {**_provenance(), "subject": [{"name": "x", "digest": {"sha256": "A" * 64}}]},
        {**_provenance(), "subject": [{"name": "x", "digest": {"sha512": "a" * 128}}]},
        {**_provenance(), "_type": "https://in-toto.io/Statement/v0.1"},
        {**_provenance(), "predicateType": "https://slsa.dev/provenance/v0.2"},
        _provenance(resolvedDependencies={}),
        _provenance(externalParameters=[]),
        [],
    ],
)
def test_what_is_no_provenance_is_refused(document: object) -> None:
    with pytest.raises(ManifestError):
        _read(document)


HEX = st.text("0123456789abcdef", min_size=64, max_size=64)
FILES = st.lists(st.builds(FileDigest, st.text(min_size=1, max_size=9), HEX), max_size=3, unique_by=lambda f: f.name)
TUPLES = FILES.map(lambda found: tuple(sorted(found)))


@given(TUPLES.filter(bool), TUPLES, TUPLES, st.sampled_from(["alice", None]))
def test_a_recorded_lineage_reads_back(
    subjects: tuple[FileDigest, ...],
    datasets: tuple[FileDigest, ...],
    base: tuple[FileDigest, ...],
    triggered_by: str | None,
) -> None:
    recipe = Recipe(
        subjects=subjects,
        datasets=datasets,
        builder_id="cluster",
        parameters={"lr": "0.1", "epochs": 3},
        code=Commit("git+https://github.com/acme/models", HEAD),
        base_models=base,
        lock_file=FileDigest("requirements.lock", A),
        triggered_by=triggered_by,
        people=("Zoe",),
    )
    payload = build_lineage(recipe)
    found = lineage.read(payload)
    assert found.subjects == subjects
    assert found.datasets == tuple(Material(item.name, item.sha256) for item in datasets)
    assert found.base_models == tuple(Material(item.name, item.sha256) for item in base)
    assert found.lock_files == (Material("requirements.lock", A),)
    assert (found.code_commit, found.invoked_by) == (HEAD, triggered_by)
    assert found.named_people == (("alice", "zoe") if triggered_by else ("zoe",))
    assert found.parameters_digest == lineage.parameters_digest({"epochs": 3, "lr": "0.1"})
    assert build_lineage(recipe) == payload


BAD = FileDigest("x", A + "\n")


@pytest.mark.parametrize(
    ("subjects", "datasets"),
    [((), ()), ((BAD,), ()), ((FileDigest("m", A),), (BAD,)), ((FileDigest("m", A),), (FileDigest("x", ""),))],
)
def test_a_lineage_without_subjects_or_digests_is_not_recorded(
    subjects: tuple[FileDigest, ...], datasets: tuple[FileDigest, ...]
) -> None:
    with pytest.raises(ManifestError):
        build_lineage(Recipe(subjects=subjects, datasets=datasets, builder_id="b", parameters={}))


@pytest.mark.parametrize("result", ["PASSED", "WARNED", "FAILED"])
def test_a_test_result_reads_back(result: Outcome) -> None:
    written = TestResult(
        subjects=(FileDigest("policy.pt", A),),
        result=result,
        configuration=(FileDigest("suite.yaml", B),),
        url="https://example.com/run/1",
        passed_tests=("drawdown",),
        warned_tests=("latency",) if result == "WARNED" else (),
        failed_tests=("var",) if result == "FAILED" else (),
    )
    assert test_results.read(build_test_result(written)) == written


@pytest.mark.parametrize(
    ("result", "warned", "failed"),
    [("PASSED", (), ("var",)), ("PASSED", ("latency",), ()), ("WARNED", (), ("var",))],
)
def test_a_result_better_than_its_tests_is_refused(
    result: Outcome, warned: tuple[str, ...], failed: tuple[str, ...]
) -> None:
    subjects = (FileDigest("policy.pt", A),)
    with pytest.raises(ManifestError):
        build_test_result(TestResult((BAD,), "FAILED"))
    with pytest.raises(ManifestError):
        build_test_result(TestResult(subjects, result, warned_tests=warned, failed_tests=failed))
    honest = json.loads(build_test_result(TestResult(subjects, "FAILED", warned_tests=warned, failed_tests=failed)))
    honest["predicate"]["result"] = result
    with pytest.raises(ManifestError):
        test_results.read(json.dumps(honest).encode())


@pytest.mark.parametrize("result", ["passed", "OK", "", None, True])
def test_an_unknown_result_is_refused(result: object) -> None:
    document = json.loads(build_test_result(TestResult((FileDigest("m", A),), "PASSED")))
    document["predicate"]["result"] = result
    with pytest.raises(ManifestError):
        test_results.read(json.dumps(document).encode())


def test_a_statement_by_another_verifier_parses() -> None:
    payload = base64.b64decode(load("dsse.json")["google_vsa"][0]["payload"])
    found = attestation.parse(payload)
    assert found.predicate_type == "https://slsa.dev/verification_summary/v1"
    assert found.subjects[0].digest("gce_image_id") == "8970095005306000053"
    with pytest.raises(ManifestError):
        found.artifacts()
