"""The service: plans, commands, decisions, launching, and its command line."""
