"""The facts, and the append-only log that keeps them."""
