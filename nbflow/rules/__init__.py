"""What may happen to a run: a table, and short pure functions in a visible tuple."""
