"""The running daemon: one task group around the log, the decisions and the launchers."""
