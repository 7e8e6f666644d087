"""The database's schema, step by step. A released step is never edited."""
