"""Use cases of offers: the offers, how they end, and their pushes."""
