"""Why a token is not made or revoked."""

from __future__ import annotations


class TokenError(Exception):
    """The request for a token is refused; the text says what was expected, found and what to do."""

    code = "token.refused"


class UnknownTokenError(TokenError):
    code = "token.unknown"


class WorkflowScopeError(TokenError):
    """Whoever holds a token can use it in any workflow; only an identity of GitHub's own proves one."""

    code = "token.workflow"


class BeyondScopeError(TokenError):
    """Nobody hands on more than they have."""

    code = "token.beyond_scope"
