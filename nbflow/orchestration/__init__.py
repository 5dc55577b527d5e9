"""The authority over SQL: decide and commit in one transaction."""
