"""Pure arithmetic of trucking: equipment, hours, economics, feasibility, ranking."""
