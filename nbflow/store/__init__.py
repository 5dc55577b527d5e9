"""What is: the database, the journals and the snapshots. Synchronous; it does not know what is allowed."""
