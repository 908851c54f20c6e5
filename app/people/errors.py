"""What can go wrong with people."""

from __future__ import annotations


class LinkError(ValueError):
    """Two accounts cannot be linked as asked; the text says what was expected."""

    code = "people.link_refused"
