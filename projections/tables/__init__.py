"""Backfills, runs and materializations as tables, for listing."""
