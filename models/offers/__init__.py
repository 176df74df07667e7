"""Tables of offers: the offers, how they end, and the pushes they owe."""
