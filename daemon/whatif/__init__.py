"""What would have been, and how long something will take: backfills simulated by what runs took."""
