"""What is: the database, journals and snapshots. It does not know what is allowed."""
