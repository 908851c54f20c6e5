"""Paths in a repository as a document may name them: one spelling for one file, and nothing outside."""

from __future__ import annotations

MAX_LENGTH = 400


class PathError(ValueError):
    """A path that is refused: ``reason`` says what was expected and found, ``remedy`` what to do."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"{reason} {remedy}")
        self.reason = reason
        self.remedy = remedy


def check(path: str) -> None:
    """Raises PathError unless ``path`` is a repository-relative path in its one spelling."""
    _check_characters(path)
    _check_parts(path.split("/"))


def resolve(manifest_path: str, reference: str) -> str:
    """The repository-relative path of ``reference``, which is relative to the manifest's folder.

    ``..`` may stand only at the beginning: behind a folder it would mean another file where that folder is a
    symbolic link. Raises PathError; a file in .git or .github, and the manifest itself, cannot be named.
    """
    _check_characters(reference)
    folder, parts = manifest_path.split("/")[:-1], reference.split("/")
    while parts and parts[0] == "..":
        if not folder:
            raise PathError(f"Expected a path inside the repository, found {reference!r}.", "Remove the leading '../'.")
        folder, parts = folder[:-1], parts[1:]
    _check_parts(parts)
    whole = [*folder, *parts]
    if whole[0].lower() == ".github":
        raise PathError(f"Expected a path outside .github, found {reference!r}.", "Keep the file beside the manifest.")
    resolved = "/".join(whole)
    if resolved == manifest_path:
        raise PathError("Expected another file, found the manifest itself.", "Name the file that is meant.")
    return resolved


def _check_characters(path: str) -> None:
    if not 1 <= len(path) <= MAX_LENGTH:
        raise PathError(f"Expected a path of 1 to {MAX_LENGTH} characters, found {len(path)}.", "Shorten it.")
    for character in path:
        if not " " <= character <= "~":
            raise PathError(f"Expected printable ASCII in a path, found U+{ord(character):04X}.", "Rename the file.")
    if "\\" in path:
        raise PathError("Expected '/' between folders, found a backslash.", "Write '/'.")
    if path.startswith("/"):
        raise PathError(f"Expected a relative path, found {path!r}.", "Remove the leading '/'.")


def _check_parts(parts: list[str]) -> None:
    for part in parts:
        if part in ("", ".", ".."):
            raise PathError(
                f"Expected the name of a file or folder between slashes, found {part!r}.",
                "Write the path in its shortest form.",
            )
        if part != part.strip(" ") or part.endswith("."):
            raise PathError(
                f"Expected names without blanks around them or a dot at the end, found {part!r}.",
                "Rename the file.",
            )
        if part.lower() == ".git":
            raise PathError("Expected a path outside .git, found one inside.", "Name a file that is committed.")
    if not parts:
        raise PathError("Expected the path of a file, found a folder.", "Name the file.")
