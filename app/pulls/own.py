"""Comments that Countersign itself posted."""

from __future__ import annotations

from integrations.github.port import Comment, GitHub, GitHubApp


async def own_comment(app: GitHubApp, github: GitHub, repository: str, number: int, marker: str) -> Comment | None:
    """The first comment that begins with ``marker`` and was posted through our App: others may copy the marker."""
    app_id = await app.app_id()
    for found in await github.comments(repository, number):
        bot = found.author is not None and found.author.type == "Bot"
        if bot and found.by_app in (None, app_id) and found.body.startswith(marker):
            return found
    return None
