"""The lineage: all assets as a graph from left to right, or as a list, to look at and to choose from."""
