"""Bytes: the folder, LevelDB, envelopes, batches, checkpoints; the only package that knows how a mind lies on disk."""
