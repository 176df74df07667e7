"""Tables of loads: loads, their stops, and assignments."""
