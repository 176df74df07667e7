"""Views of fleet: drivers, trucks, areas and positions."""
