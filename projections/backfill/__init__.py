"""One backfill as a fold of its facts: what is ready, under way, done, to be tried again or to be skipped."""
