"""The page of one backfill: how far it has come, what it waits for, and what can be done about it."""
