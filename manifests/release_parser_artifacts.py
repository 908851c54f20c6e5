"""Reading the artifacts of a release: what goes live and where its bytes are."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from manifests.located_yaml import Node, Scalar
from manifests.located_yaml_reader import Fields, Read, Reader
from manifests.located_yaml_values import file_path, form, integer, many
from manifests.release import Artifact
from manifests.release_parser_forms import ARTIFACT_NAME, ENVIRONMENT, MAX_ARTIFACTS, MAX_SIZE, SHA256

SCHEMES = ("file", "https", "s3")
MAX_URI = 2_048
KEYS = ("name", "sha256", "size", "path", "uri", "environments")


def artifacts(reader: Reader, environments: tuple[str, ...], manifest_path: str) -> Read[tuple[Artifact, ...]]:
    """A list of at least one artifact, each name once, for some of the release's ``environments``."""

    def read(node: Node, name: str) -> Artifact:
        fields = reader.fields(node, "an artifact", KEYS)
        if fields.has("path") and fields.has("uri"):
            reader.refuse(
                fields.at("uri"),
                "release.two_places",
                "Expected `path` or `uri`, found both.",
                "Keep the one that holds the bytes.",
            )
        return Artifact(
            name=fields.required("name", form(reader, ARTIFACT_NAME), ""),
            sha256=fields.required("sha256", _sha256(reader), ""),
            size=fields.optional("size", integer(reader, 0, MAX_SIZE), None),
            path=fields.optional("path", file_path(reader, manifest_path), None),
            uri=fields.optional("uri", _uri(reader), None),
            environments=fields.optional("environments", _subset(reader, environments), ()),
        )

    # A name that could not be read is reported already and stands in as "".
    return many(reader, read, least=1, most=MAX_ARTIFACTS, unique=lambda found: found.name or object())


def check_environments_served(fields: Fields, environments: tuple[str, ...], found: tuple[Artifact, ...]) -> None:
    """Report environments for which nothing would go live: a decision never has empty subjects."""
    for environment in environments:
        if found and not any(not a.environments or environment in a.environments for a in found):
            fields.reader.refuse(
                fields.at("artifacts"),
                "release.environment_without_artifact",
                f"Expected an artifact for {environment}, found none.",
                "Add it to an artifact's `environments`, or leave it out of the release.",
            )


def _sha256(reader: Reader) -> Read[str]:
    read_form = form(reader, SHA256)

    def read(node: Node, name: str) -> str | None:
        if isinstance(node, Scalar) and node.text != node.text.lower():
            lowered = node.text.lower()
            if SHA256.pattern.fullmatch(lowered):
                reader.wrong_form(node, name, SHA256.expected, f"Lower-case it: {lowered}.")
                return None
        return read_form(node, name)

    return read


def _subset(reader: Reader, environments: tuple[str, ...]) -> Read[tuple[str, ...]]:
    read_form = form(reader, ENVIRONMENT)

    def read(node: Node, name: str) -> str | None:
        value = read_form(node, name)
        if value is None or not environments or value in environments:
            return value
        reader.refuse(
            node,
            "release.unknown_environment",
            f"`{name}`: expected an environment of the release ({', '.join(environments)}), found {value}.",
            "Correct it, or add it to the release's `environments`.",
        )
        return None

    return many(reader, read, least=1, unique=str)


def _uri(reader: Reader) -> Read[str]:
    def read(node: Node, name: str) -> str | None:
        scalar = reader.scalar(node, name, "a URI")
        if scalar is None:
            return None
        mistake = uri_mistake(scalar.text)
        if mistake is None:
            return scalar.text
        reader.refuse(node, "release.uri", f"`{name}`: {mistake}", "Correct it.")
        return None

    return read


def uri_mistake(uri: str) -> str | None:
    """What keeps ``uri`` from naming an artifact, or None. Absolute file:, https: and s3: only (RFC 3986)."""
    if not 1 <= len(uri) <= MAX_URI or not all("!" <= c <= "~" for c in uri):
        return f"expected a URI of 1 to {MAX_URI} printable ASCII characters without blanks."
    if any(c in uri for c in '\\"<>^`{|}#'):
        return "expected a URI without a fragment, backslash, quote or bracket."
    try:
        parts = urlsplit(uri)
        port_is_read = parts.port is None or parts.port > 0
    except ValueError:
        return "expected a URI, found one with a host or port that cannot be read."
    if parts.scheme not in SCHEMES or not uri.startswith(f"{parts.scheme}://") or not port_is_read:
        return f"expected {'://…, '.join(SCHEMES)}://…, found {uri[:40]!r}."
    if "@" in parts.netloc:
        return "expected a URI without a user or password."
    if (parts.scheme == "file") != (not parts.netloc):
        return "expected a host after https://, a bucket after s3:// and file:///… with three slashes."
    if not parts.path.strip("/") or parts.path.endswith("/"):
        return "expected the path of a file."
    if any(unquote(part) in (".", "..") for part in parts.path.split("/")):
        return "expected a path without '.' and '..'."
    return None
