"""What S3 and its SDK say, as our errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from integrations.errors import (
    InDoubtError,
    NeighbourError,
    NotFoundError,
    RateLimitedError,
    RefusedError,
    UnavailableError,
)

_ABSENT = frozenset({"NoSuchKey", "NoSuchBucket", "NoSuchVersion", "404"})
_SLOW_DOWN = frozenset({"SlowDown", "TooManyRequests", "RequestLimitExceeded"})
_NOT_SENT = frozenset(
    {"EndpointConnectionError", "ConnectTimeoutError", "ConnectionTimeoutError", "SSLError", "ProxyConnectionError"}
)
_MISCONFIGURED = frozenset(
    {"NoCredentialsError", "PartialCredentialsError", "ProfileNotFound", "ParamValidationError", "NoRegionError"}
)


@contextmanager
def translated(what: str, *, write: bool = False) -> Iterator[None]:
    """Raises NeighbourError instead of the SDK's errors. A ``write`` that was sent and not answered is in doubt."""
    import aiohttp
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        failure = _answered(error.response, what, write=write)
    except BotoCoreError as error:
        # The SDK calls every broken connection one that was not made; only the cause tells.
        cause = error.kwargs.get("error")
        broken = cause is not None and not isinstance(cause, aiohttp.ClientConnectorError)
        failure = _failed(type(cause if broken else error).__name__, what, write=write)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        failure = _failed(type(error).__name__, what, write=write)
    else:
        return
    # Outside the handlers, so that no SDK error, which may quote headers, hangs on ours.
    raise failure


def code_of(error: NeighbourError) -> str:
    """The word S3 gave, as it stands in brackets at the end of the message."""
    return str(error).rpartition("(")[2].rstrip(").")


def _answered(response: dict[str, Any], what: str, *, write: bool) -> NeighbourError:
    code = str(response.get("Error", {}).get("Code", ""))[:60]
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code in _SLOW_DOWN or status == 429:
        return RateLimitedError(f"{what}: too many requests ({code}).", status=status)
    if code in _ABSENT or status == 404:
        return NotFoundError(f"{what}: expected it to be there, found nothing ({code}).", status=status)
    if 400 <= status < 500:
        return RefusedError(
            f"{what}: expected to be allowed to, refused with {status}."
            f" Check the credentials' rights and the bucket's object lock ({code}).",
            status=status,
        )
    if write:
        return InDoubtError(f"{what}: it may have been stored, answered with {status} ({code}).", status=status)
    return UnavailableError(f"{what}: expected an answer, found {status} ({code}).", status=status)


def _failed(name: str, what: str, *, write: bool) -> NeighbourError:
    if name in _MISCONFIGURED:
        return RefusedError(f"{what}: expected usable credentials and names. Give the service an S3 access ({name}).")
    if write and name not in _NOT_SENT:
        return InDoubtError(f"{what}: it may have been stored, the answer was lost ({name}).")
    return UnavailableError(f"{what}: no answer. It is tried again later ({name}).")
