"""Pure geometry of the Earth: points, distances, fences, corridors, roads."""
