"""Pure geometry of the Earth: points, distances, boxes, fences, corridors, roads."""
