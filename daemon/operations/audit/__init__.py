"""What was ever done to partitions, and all of a backfill, for whoever must be able to say so."""
