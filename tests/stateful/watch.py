"""What has to hold at any moment of a history: told from what truly happened, and told from the log."""

from __future__ import annotations

from collections import Counter

from tests.stateful.justice import Justice
from tests.stateful.ledger import Ledger
from tests.stateful.lively import Lively
from tests.stateful.playground import ENVIRONMENTS
from tests.stateful.powers import Powers


class Watch:
    """One for all histories of a world. ``seen`` counts what came about, so that a test can tell that it tests
    something."""

    def __init__(self, lively: Lively) -> None:
        self.lively = lively
        self.ledger = Ledger()
        self.seen: Counter[str] = Counter()

    def look(self, powers: Powers, sure: bool = True) -> None:
        """Once the service has caught up. Not ``sure``: deliveries are under way or were lost, and only the log has to
        be right."""
        self.lively.settle()
        if self.is_green(powers):
            self.seen["green"] += 1
            for environment in ENVIRONMENTS if sure else ():
                assert Justice(powers, environment).may_pass(), f"{environment}: green\n{powers.told()}"
        self.lively.read(lambda tx: self.ledger.read(tx, self.lively.service.blobs))
        for head in powers.case.heads:
            runs = powers.github.checks(powers.repository, head)
            if any(run.conclusion == "success" for run in runs):
                for environment in ENVIRONMENTS:
                    assert (head, environment) in self.ledger.allowed, f"green without a record\n{powers.told()}"

    def ask(self, powers: Powers, environment: str, sure: bool = True) -> str:
        """The gate's answer; empty where there is none."""
        self.lively.settle()
        told = powers.ask(environment)
        if told is None:
            return ""
        self.seen[f"gate {told['decision']}"] += 1
        if told["decision"] == "allow" and sure:
            assert Justice(powers, environment).may_pass(), f"{environment}: allowed\n{powers.told()}"
        return str(told["decision"])

    def redeem(self, powers: Powers, index: int) -> None:
        found = powers.redeem(index)
        if found is None:
            return
        allowed, answer = found
        self.seen[f"redeemed {answer.status}{' by glass' * allowed.glass}"] += 1
        assert answer.status in (200, 409), f"{answer}\n{powers.told()}"
        assert answer.status == 409 or not allowed.redeemed, f"redeemed twice\n{powers.told()}"
        allowed.redeemed = allowed.redeemed or answer.status == 200

    def is_green(self, powers: Powers) -> bool:
        case = powers.case
        if not case.open or case.pull is None:
            return False
        name = f"countersign: {case.pull.base_ref}"
        runs = [run for run in powers.github.checks(powers.repository, case.head) if run.name == name]
        return bool(runs) and runs[-1].conclusion == "success"

    def end(self, powers: Powers) -> None:
        """Leave the world to the next history."""
        powers.restore_teams()
        self.lively.settle()
        if powers.case.open:
            self.lively.github.close_pull(powers.repository, powers.case.number, by="mallory")
        self.lively.settle()
