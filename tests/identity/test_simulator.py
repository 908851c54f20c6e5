"""The simulator answers as RFC 7643 and RFC 7644 have it."""

from __future__ import annotations

from typing import Any

import aiohttp
import msgspec
import pytest

from integrations.identity.shapes import ENTERPRISE_USER, Group, User
from integrations.identity.simulator import IdentitySimulator

CORE = "urn:ietf:params:scim:schemas:core:2.0:"
MESSAGES = "urn:ietf:params:scim:api:messages:2.0:"


async def get(simulator: IdentitySimulator, path: str, token: str | None = None) -> tuple[int, str, Any]:
    headers = {"Authorization": f"Bearer {simulator.token if token is None else token}"}
    async with aiohttp.ClientSession() as session, session.get(simulator.base_url + path, headers=headers) as answer:
        return answer.status, answer.content_type, await answer.json(content_type=None)


async def test_a_list_has_the_parts_of_section_3_4_2(simulator: IdentitySimulator) -> None:
    status, kind, body = await get(simulator, "/Users?startIndex=2&count=3")
    assert (status, kind) == (200, "application/scim+json")
    assert body["schemas"] == [MESSAGES + "ListResponse"]
    assert (body["totalResults"], body["startIndex"], body["itemsPerPage"]) == (5, 2, 3)
    assert len(body["Resources"]) == 3
    _, _, empty = await get(simulator, '/Users?filter=userName eq "nobody"')
    assert empty["totalResults"] == 0
    assert "Resources" not in empty


async def test_a_user_and_a_group_have_what_every_resource_has(simulator: IdentitySimulator) -> None:
    (ada,) = (await get(simulator, '/Users?filter=userName eq "ADA"'))[2]["Resources"]
    assert ada["schemas"] == [CORE + "User", ENTERPRISE_USER]
    assert ada["meta"] == {"resourceType": "User", "location": f"{simulator.base_url}/Users/{ada['id']}"}
    mona = simulator.people["mona"]
    assert ada[ENTERPRISE_USER]["manager"] == {
        "value": mona.id, "$ref": f"{simulator.base_url}/Users/{mona.id}", "displayName": "mona"
    }  # fmt: skip
    (risk,) = (await get(simulator, '/Groups?filter=displayName eq "Risk"'))[2]["Resources"]
    assert risk["schemas"] == [CORE + "Group"]
    assert {"value", "$ref", "type", "display"} == set(risk["members"][0])


@pytest.mark.parametrize(
    ("path", "token", "status"),
    [("/Users/nobody", None, 404), ("/Users", "wrong", 401), ("/Users?filter=userName co 1", None, 400)],
)
async def test_an_error_has_the_parts_of_section_3_12(
    simulator: IdentitySimulator, path: str, token: str | None, status: int
) -> None:
    found, kind, body = await get(simulator, path, token)
    assert (found, kind) == (status, "application/scim+json")
    assert body["schemas"] == [MESSAGES + "Error"]
    assert body["status"] == str(status)
    assert body["detail"]


def test_the_examples_of_rfc_7643_are_read() -> None:
    """Sections 8.3 and 8.4, shortened."""
    user = b"""{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User",
      "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
      "id": "2819c223-7f76-453a-919d-413861904646", "externalId": "701984", "userName": "bjensen@example.com",
      "name": {"formatted": "Ms. Barbara J Jensen, III", "familyName": "Jensen"}, "active": true,
      "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"employeeNumber": "701984",
        "manager": {"value": "26118915-6090-4610-87e4-49d8ca9f808d",
          "$ref": "../Users/26118915-6090-4610-87e4-49d8ca9f808d", "displayName": "John Smith"}},
      "meta": {"resourceType": "User", "version": "W\\/\\"3694e05e9dff591\\""}}"""
    read = msgspec.json.decode(user, type=User)
    assert read.enterprise is not None
    assert read.enterprise.manager is not None
    assert (read.user_name, read.active, read.enterprise.manager.value) == (
        "bjensen@example.com", True, "26118915-6090-4610-87e4-49d8ca9f808d"
    )  # fmt: skip
    group = b"""{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
      "id": "e9e30dba-f08f-4109-8486-d5c6a331660a", "displayName": "Tour Guides", "members": [
        {"value": "2819c223-7f76-453a-919d-413861904646", "display": "Babs Jensen",
         "$ref": "https://example.com/v2/Users/2819c223-7f76-453a-919d-413861904646"},
        {"value": "c3a26dd3-27a0-4dec-a2ac-ce211e105f97", "display": "Group B",
         "$ref": "https://example.com/v2/Groups/c3a26dd3-27a0-4dec-a2ac-ce211e105f97"}]}"""
    members = msgspec.json.decode(group, type=Group).members
    assert [member.is_group for member in members] == [False, True]
