"""Minds whose files are damaged in every way: nothing wrong is ever served or missing without a word."""
