"""The page that launches a backfill: what is typed, what it means, and what it would run."""
