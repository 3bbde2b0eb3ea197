"""Remember, recall, forget: the records of a mind and what is done with them."""
