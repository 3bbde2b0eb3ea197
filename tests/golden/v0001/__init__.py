"""A store of format 1: `store/` as LevelDB wrote it, and the frozen script that wrote it."""
