"""Stores written by every released format."""
