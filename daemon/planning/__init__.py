"""From what a person asks for to a plan: the exact runs, what they wait for, and what is left out and why."""
