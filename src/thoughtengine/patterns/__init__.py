"""NOTICE: what belongs together, what follows what, what recurs, what is new, what comes next."""
