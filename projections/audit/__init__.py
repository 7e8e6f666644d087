"""Folds for those who have to say afterwards what happened: to an asset's partitions, and in a backfill."""
