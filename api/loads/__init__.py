"""Views of loads: loads and their stops, the market, assignments."""
