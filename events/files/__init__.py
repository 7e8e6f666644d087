"""A log, or a part of it, in a file: written, checked, and read in place of the database."""
