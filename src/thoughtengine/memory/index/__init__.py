"""The index: text to terms, terms to postings, vectors to codes; mapped files, a live tail, and their upkeep."""
