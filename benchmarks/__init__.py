"""How fast it is and how well it finds, in one run with its peers: only ratios of one run say anything."""
