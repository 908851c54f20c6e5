"""Who is who in a case: logins in any letter case, several accounts of one person, bots."""

from __future__ import annotations

from app.policy.model import Facts


class People:
    """The persons of a case. A login that nothing is said of is a person with this one account."""

    def __init__(self, facts: Facts) -> None:
        self._owner: dict[str, str] = {}
        self._bots: set[str] = set()
        for login, said in facts.people.items():
            accounts = [login.lower(), *(other.lower() for other in said.also)]
            self._owner.update(dict.fromkeys(accounts, login.lower()))
            if said.bot:
                self._bots.update(accounts)

    def account(self, login: str) -> str:
        return f"github:{login.lower()}"

    def person(self, login: str) -> str:
        return f"person:{self._owner.get(login.lower(), login.lower())}"

    def kind(self, login: str) -> str:
        return "Bot" if login.lower() in self._bots else "User"
