"""A child process killed at each file operation, the unsynced bytes cut; reopened, nothing acknowledged is lost."""
