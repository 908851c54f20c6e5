"""Which versions of a repository's policy count."""
