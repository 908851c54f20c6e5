"""Tools for those who write policies: validating them, and testing them with declared cases."""
