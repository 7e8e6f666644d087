"""Looking into the log: which facts are asked for, finding them, one fact whole, and what uses the space."""
