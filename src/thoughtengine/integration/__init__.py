"""The host's side: events, figures, health, recovery."""
