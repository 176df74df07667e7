"""Tables of offers: offers and pushes."""
