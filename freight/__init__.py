"""Pure arithmetic of trucking: equipment, hours, trips, gains, rules, ranking."""
