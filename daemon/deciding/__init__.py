"""What happens next: from the state, the time and the limits to the facts that are to be recorded."""
