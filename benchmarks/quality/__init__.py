"""How well it finds, on data that somebody brings."""
