"""Who had a hand in a release. Whoever cannot be told from the facts is named as unknown, and fails closed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from app.facts.documents import ReadDocument
from app.people.service import People, github_account
from app.pulls.store import ARRIVED, PUSHED, Head
from gates.model import Contributor, Contributors
from integrations.github.port import Account, Commit, Pull

# GitHub's own account commits what people merge or edit on its pages; the author is the person then.
WEB_FLOW_ID = 19864447
_CO_AUTHOR = re.compile(r"^co-authored-by:\s*[^<\r\n]*<([^>\r\n]*)>", re.IGNORECASE | re.MULTILINE)
_NO_REPLY = re.compile(r"^(\d+)\+[A-Za-z0-9-]+@users\.noreply\.github\.com\Z", re.IGNORECASE)


class Trace(msgspec.Struct, frozen=True):
    """One contribution: an account, or a sentence saying why it cannot be told whose it is."""

    role: str
    detail: str
    account: Account | None = None
    account_id: int | None = None
    unknown: str = ""


def traces(
    pull: Pull, commits: Sequence[Commit], heads: Sequence[Head], documents: Sequence[ReadDocument]
) -> tuple[Trace, ...]:
    """Every contribution that the facts show."""
    return (*_requester(pull, documents), *_of_commits(commits), *_pushers(pull, heads))


async def contributors(people: People, found: Iterable[Trace], named: Iterable[Account], seen_at: int) -> Contributors:
    """The persons behind the traces; ``named`` are the accounts that lineage and evidence name."""
    known: set[tuple[str, str, str, str]] = set()
    unknown = {trace.unknown for trace in found if trace.unknown}
    accounts = [trace.account for trace in found if trace.account is not None]
    registry = await people.persons([*accounts, *named])
    ever = await people.ever()

    def add(account: str, role: str, detail: str) -> None:
        person = registry[account].person if account in registry else ""
        for one in {person, *ever.get(account, frozenset())}:
            known.add((account, one, role, detail))

    for trace in found:
        if trace.account is not None:
            add(github_account(trace.account), trace.role, trace.detail)
        elif trace.account_id is not None:
            add(f"github:{trace.account_id}", trace.role, trace.detail)
    for account in named:
        add(github_account(account), "evidence", "is named in the lineage or evidence")
    return Contributors(tuple(Contributor(*one) for one in sorted(known)), tuple(sorted(unknown)), seen_at)


def _requester(pull: Pull, documents: Sequence[ReadDocument]) -> Iterator[Trace]:
    if pull.author is None:
        yield Trace(
            "requester",
            "",
            unknown="The account that opened the pull request is gone, so nobody can tell who asks.",
        )
        return
    yield Trace("requester", "opened the pull request", pull.author)
    if pull.author.type != "User" and not any(document.invoked_by for document in documents):
        yield Trace(
            "requester", "",
            unknown=f"{pull.author.login} is a bot and no signed document says who had it open the pull request.",
        )  # fmt: skip


def _of_commits(commits: Sequence[Commit]) -> Iterator[Trace]:
    for commit in commits:
        short = commit.sha[:12]
        yield _linked(commit.author, commit.author_email, "author", f"wrote commit {short}", short)
        if commit.committer is None or commit.committer.id != WEB_FLOW_ID:
            yield _linked(commit.committer, commit.committer_email, "committer", f"made commit {short}", short)
        for email in _CO_AUTHOR.findall(commit.message):
            match = _NO_REPLY.match(email.strip())
            if match:
                yield Trace("co-author", f"is a co-author of commit {short}", account_id=int(match[1]))
            else:
                yield _linked(None, email, "co-author", "", short)


def _linked(account: Account | None, email: str, role: str, detail: str, short: str) -> Trace:
    if account is not None:
        return Trace(role, detail, account)
    domain = email.rpartition("@")[2] or "no domain"
    return Trace(
        role, "",
        unknown=f"The e-mail address (…@{domain}) of the {role} of commit {short} belongs to no GitHub account.",
    )  # fmt: skip


def _pushers(pull: Pull, heads: Sequence[Head]) -> Iterator[Trace]:
    arrived = [head for head in heads if head.event == ARRIVED]
    for head in arrived:
        kind, _, number = head.actor.partition(":")
        if kind == "github" and number:
            yield Trace("pusher", f"pushed {head.sha[:12]}", account_id=int(number))
        else:
            yield Trace("pusher", "", unknown=f"Nobody told us who pushed {head.sha[:12]}: its delivery never came.")
    for head in heads:
        kind, _, number = head.actor.partition(":")
        if head.event.startswith(PUSHED) and kind == "github" and number:
            yield Trace("pusher", f"pushed {head.sha[:12]}", account_id=int(number))
    if all(head.sha != pull.head_sha for head in arrived):
        yield Trace("pusher", "", unknown=f"Nobody told us who pushed {pull.head_sha[:12]}: its delivery never came.")
