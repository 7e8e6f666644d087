"""What Dagster answers, kept in tables, beside what we answer: whether they agree, and else why not."""
