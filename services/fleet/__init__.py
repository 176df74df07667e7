"""Use cases of fleet: drivers, trucks, areas and positions."""
