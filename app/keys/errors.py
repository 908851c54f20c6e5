"""What is wrong with the server's own keys."""

from __future__ import annotations


class ServerKeyError(Exception):
    """A key of the server cannot be used; the text says which, what was expected and what to do."""

    code = "key.unusable"
