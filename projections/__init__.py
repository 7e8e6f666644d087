"""Folds of the log: what backfilld knows at a position."""
