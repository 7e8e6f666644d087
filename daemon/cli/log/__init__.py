"""`backfilld log`: the facts as they were recorded, found, shown and checked."""
