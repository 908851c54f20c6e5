"""Whatever a policy can say is read back as it was said, and its schema knows it."""

from __future__ import annotations

import json

import jsonschema_rs
from hypothesis import given

from manifests.policy import Policy
from manifests.policy_parser import parse_policy
from manifests.schemas import policy_schema
from tests.manifests.documents.policies import document, policies

_SCHEMA = jsonschema_rs.validator_for(policy_schema())


@given(policies())
def test_any_policy_is_read_as_it_was_written(policy: Policy) -> None:
    assert parse_policy(document(policy), "p") == policy


@given(policies())
def test_editors_accept_any_policy(policy: Policy) -> None:
    assert _SCHEMA.is_valid(json.loads(document(policy)))
