"""Every call to GitHub is told, with how it ended."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from integrations.errors import NeighbourError
from integrations.github.client import RestGitHubApp
from integrations.observing import CallResult
from tests.github.keys import app_private_key
from tests.github.support import REPOSITORY, House


class Heard:
    def __init__(self) -> None:
        self.calls: list[tuple[str, CallResult, float]] = []

    def __call__(self, neighbour: str, result: CallResult, seconds: float) -> None:
        self.calls.append((neighbour, result, seconds))

    @property
    def results(self) -> list[CallResult]:
        assert all(neighbour == "github" and seconds >= 0 for neighbour, _, seconds in self.calls)
        return [result for _, result, _ in self.calls]


def client(house: House, heard: Heard) -> RestGitHubApp:
    return RestGitHubApp(
        str(house.app.id), app_private_key(), clock=house.clock, base_url=house.simulator.base_url, pacing=False,
        timeout_s=2, sleep=house.clock.sleep, observe=heard,
    )  # fmt: skip


MINTED: list[CallResult] = ["ok"]


@pytest.mark.parametrize(
    ("trouble", "results"),
    [
        (None, ["ok"]),
        ({"status": 422}, ["refused"]),
        ({"status": 404}, ["not_found"]),
        ({"status": 429, "headers": {"retry-after": "3600"}}, ["rate_limited"]),
        ({"status": 502}, ["unavailable", "ok"]),
    ],
)
async def test_a_read_is_told_once_for_each_time_it_went_out(
    house: House, trouble: Mapping[str, object] | None, results: list[CallResult]
) -> None:
    house.open_pull()
    heard = Heard()
    app = client(house, heard)
    if trouble is not None:
        house.simulator.fail_next("GET", "pulls", **trouble)  # type: ignore[arg-type]
    try:
        await app.installation(house.installation.id).pull(REPOSITORY, 1)
    except NeighbourError:
        assert results[-1] != "ok"
    finally:
        await app.close()
    assert heard.results == MINTED + results


async def test_a_write_whose_answer_is_lost_is_told_as_in_doubt(house: House) -> None:
    pull = house.open_pull()
    heard = Heard()
    app = client(house, heard)
    house.simulator.fail_next("POST", "comments", drop=True)
    with pytest.raises(NeighbourError):
        await app.installation(house.installation.id).create_comment(REPOSITORY, pull.number, "hello")
    await app.close()
    assert heard.results == [*MINTED, "in_doubt"]
