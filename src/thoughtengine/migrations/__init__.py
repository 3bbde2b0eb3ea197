"""UPGRADES: how old stores become new ones, and go back."""
