"""The pages: what operations answer, as HTML."""
