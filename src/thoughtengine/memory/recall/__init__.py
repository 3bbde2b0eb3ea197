"""Recall: from a cue to hits with reasons, how sure they are, and what a model reads of them."""
