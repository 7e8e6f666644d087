"""Runs become processes here: the launcher's port, the local launcher, one that only pretends."""
