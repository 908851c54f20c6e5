"""Steering: pull requests, their reviews and comments."""

from __future__ import annotations

from typing import Literal

from integrations.github.simulator.history import HistoryActions
from integrations.github.simulator.model import App, Comment, Pull, Repository, Review, User
from integrations.github.simulator.objects import StoredCommit
from integrations.github.simulator.render import Json
from integrations.github.simulator.stage import WEB_FLOW
from integrations.github.simulator.wire import Problem
from integrations.github.simulator.world import UnknownNameError

COMMENT_LIMIT = 65_536


class ReviewActions(HistoryActions):
    """Everything that people do on a pull request's page."""

    def open_pull(
        self,
        full_name: str,
        head: str,
        *,
        author: str,
        base: str | None = None,
        title: str = "A change",
        body: str = "",
        draft: bool = False,
    ) -> Pull:
        """``head`` is a branch, or ``owner:branch`` of a fork."""
        repository = self.world.repository(full_name)
        owner, colon, branch = head.rpartition(":")
        source = self.world.repository(f"{owner}/{repository.name}") if colon else repository
        repository.numbers += 1
        now = self.world.clock()
        pull = Pull(
            id=self.world.new_id(),
            number=repository.numbers,
            title=title,
            body=body,
            author=self.world.user(author),
            head_ref=branch,
            head_repository=source,
            head_sha=self.world.tip(source, branch).sha,
            base_ref=base or repository.default_branch,
            base_sha="",
            created_at=now,
            updated_at=now,
            draft=draft,
        )
        self.refresh(repository, pull)
        repository.pulls[pull.number] = pull
        self.pull_event("opened", repository, pull, pull.author)
        return pull

    def pull_event(
        self, action: str, repository: Repository, pull: Pull, sender: User, extra: Json | None = None
    ) -> None:
        fields: Json = {
            "number": pull.number,
            "pull_request": self.pulls.full(repository, pull),
            **(extra or {}),
        }
        self.emit("pull_request", action, repository, sender, fields)

    def close_pull(self, full_name: str, number: int, *, by: str) -> None:
        repository, pull = self._pull(full_name, number)
        pull.state = "closed"
        pull.closed_at = pull.updated_at = self.world.clock()
        self.pull_event("closed", repository, pull, self.world.user(by))

    def reopen_pull(self, full_name: str, number: int, *, by: str) -> None:
        repository, pull = self._pull(full_name, number)
        pull.state = "open"
        pull.closed_at = None
        self.refresh(repository, pull)
        self.pull_event("reopened", repository, pull, self.world.user(by))

    def set_draft(self, full_name: str, number: int, draft: bool, *, by: str) -> None:
        repository, pull = self._pull(full_name, number)
        pull.draft = draft
        pull.updated_at = self.world.clock()
        action = "converted_to_draft" if draft else "ready_for_review"
        self.pull_event(action, repository, pull, self.world.user(by))

    def edit_pull(self, full_name: str, number: int, *, by: str, title: str) -> None:
        repository, pull = self._pull(full_name, number)
        changes = {"title": {"from": pull.title}}
        pull.title = title
        pull.updated_at = self.world.clock()
        self.pull_event("edited", repository, pull, self.world.user(by), {"changes": changes})

    def retarget(self, full_name: str, number: int, base: str, *, by: str) -> None:
        """Another base branch; the head stays, and so does every check on it."""
        repository, pull = self._pull(full_name, number)
        changes = {"base": {"ref": {"from": pull.base_ref}, "sha": {"from": pull.base_sha}}}
        pull.base_ref = base
        self.refresh(repository, pull)
        self.pull_event("edited", repository, pull, self.world.user(by), {"changes": changes})

    def merge_pull(
        self, full_name: str, number: int, *, by: str, method: Literal["merge", "squash", "rebase"] = "merge"
    ) -> StoredCommit:
        repository, pull = self._pull(full_name, number)
        if pull.state != "open" or pull.draft:
            raise Problem(405, "Pull Request is not mergeable")
        merger = self.world.user(by)
        base = self.world.tip(repository, pull.base_ref)
        head = self.world.objects[pull.head_sha]
        merged = self._merge(base, head, pull, merger, method)
        self.mark_merged(repository, pull, merged.sha, merger)
        self.update_branch(repository, pull.base_ref, merged.sha, merger)
        return merged

    def mark_merged(self, repository: Repository, pull: Pull, sha: str, merger: User) -> None:
        now = self.world.clock()
        pull.state, pull.merged_by, pull.merge_commit_sha = "closed", merger, sha
        pull.merged_at = pull.closed_at = pull.updated_at = now
        self.pull_event("closed", repository, pull, merger)

    def _merge(self, base: StoredCommit, head: StoredCommit, pull: Pull, merger: User, method: str) -> StoredCommit:
        objects, now = self.world.objects, self.world.clock()
        web, who = self.world.identity(WEB_FLOW), self.world.identity(merger.login)
        if method == "merge":
            message = f"Merge pull request #{pull.number} from {pull.head_ref}\n\n{pull.title}"
            files = self.merged_files(base, head)
            return objects.commit(files, (base.sha, head.sha), who, web, message, now, verified=True)
        if method == "squash":
            author = self.world.identity(pull.author.login)
            message = f"{pull.title} (#{pull.number})"
            return objects.commit(self.merged_files(base, head), (base.sha,), author, web, message, now)
        tip = base
        for commit in objects.log(base.sha, head.sha):
            files = self.merged_files(tip, commit)
            tip = objects.commit(files, (tip.sha,), commit.author, who, commit.message, now)
        return tip

    def review(
        self,
        full_name: str,
        number: int,
        *,
        by: str,
        state: Literal["APPROVED", "CHANGES_REQUESTED", "COMMENTED"],
        body: str = "",
    ) -> Review:
        """Of the head as it is now. Problem 422 when an author approves their own pull request."""
        repository, pull = self._pull(full_name, number)
        author = self.world.user(by)
        if author is pull.author and state != "COMMENTED":
            verb = "approve" if state == "APPROVED" else "request changes on"
            raise Problem(422, "Unprocessable Entity", [f"Can not {verb} your own pull request"])
        review = Review(self.world.new_id(), author, state, body, pull.head_sha, self.world.clock())
        pull.reviews.append(review)
        self._review_event("submitted", repository, pull, review, author)
        return review

    def dismiss_review(self, full_name: str, number: int, review_id: int, *, by: str) -> None:
        repository, pull = self._pull(full_name, number)
        review = _review(pull, review_id)
        review.state = "DISMISSED"
        self._review_event("dismissed", repository, pull, review, self.world.user(by))

    def edit_review(self, full_name: str, number: int, review_id: int, *, by: str, body: str) -> None:
        repository, pull = self._pull(full_name, number)
        review = _review(pull, review_id)
        changes: Json = {"changes": {"body": {"from": review.body}}}
        review.body = body
        self._review_event("edited", repository, pull, review, self.world.user(by), changes)

    def _review_event(
        self,
        action: str,
        repository: Repository,
        pull: Pull,
        review: Review,
        sender: User,
        extra: Json | None = None,
    ) -> None:
        fields: Json = {
            "review": self.pulls.review(repository, pull, review, webhook=True),
            "pull_request": self.pulls.simple(repository, pull),
            **(extra or {}),
        }
        self.emit("pull_request_review", action, repository, sender, fields)

    def comment(self, full_name: str, number: int, *, by: str, body: str, via_app: str | None = None) -> Comment:
        """``via_app``: the slug of an App that wrote it in the user's name."""
        repository, pull = self._pull(full_name, number)
        app = self.world.apps[via_app] if via_app else None
        return self.add_comment(repository, pull, self.world.user(by), body, app)

    def add_comment(self, repository: Repository, pull: Pull, author: User, body: str, app: App | None) -> Comment:
        check_comment(body)
        now = self.world.clock()
        comment = Comment(self.world.new_id(), pull.number, author, body, now, now, app)
        repository.comments[comment.id] = comment
        pull.comments.append(comment)
        self._comment_event("created", repository, comment, author)
        return comment

    def edit_comment(self, full_name: str, comment_id: int, *, by: str, body: str) -> Comment:
        """Anyone with write access may edit, so ``by`` need not be the author."""
        repository = self.world.repository(full_name)
        comment = find_comment(repository, comment_id)
        return self.change_comment(repository, comment, body, self.world.user(by))

    def change_comment(self, repository: Repository, comment: Comment, body: str, editor: User) -> Comment:
        check_comment(body)
        changes: Json = {"changes": {"body": {"from": comment.body}}}
        comment.body = body
        comment.updated_at = self.world.clock()
        self._comment_event("edited", repository, comment, editor, changes)
        return comment

    def delete_comment(self, full_name: str, comment_id: int, *, by: str) -> None:
        repository = self.world.repository(full_name)
        comment = find_comment(repository, comment_id)
        del repository.comments[comment_id]
        repository.pulls[comment.number].comments.remove(comment)
        self._comment_event("deleted", repository, comment, self.world.user(by))

    def _comment_event(
        self, action: str, repository: Repository, comment: Comment, sender: User, extra: Json | None = None
    ) -> None:
        pull = repository.pulls[comment.number]
        fields: Json = {
            "issue": self.pulls.issue(repository, pull),
            "comment": self.pulls.comment(repository, comment),
            **(extra or {}),
        }
        self.emit("issue_comment", action, repository, sender, fields)

    def _pull(self, full_name: str, number: int) -> tuple[Repository, Pull]:
        return self.world.repository(full_name), self.pull(full_name, number)


def check_comment(body: str) -> None:
    if not body:
        raise Problem(422, "Validation Failed", ["body can't be blank"])
    if len(body) > COMMENT_LIMIT:
        message = f"body is too long (maximum is {COMMENT_LIMIT} characters)"
        raise Problem(422, "Validation Failed", [message])


def find_comment(repository: Repository, comment_id: int) -> Comment:
    comment = repository.comments.get(comment_id)
    if comment is None:
        raise UnknownNameError(f"there is no comment {comment_id} in {repository.full_name}")
    return comment


def _review(pull: Pull, review_id: int) -> Review:
    for review in pull.reviews:
        if review.id == review_id:
            return review
    raise UnknownNameError(f"there is no review {review_id} of pull request {pull.number}")
