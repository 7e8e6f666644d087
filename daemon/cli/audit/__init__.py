"""`backfilld audit`: what became of an asset's partitions, and one page about a backfill."""
