"""What a search knows: where and when a truck is free, and the loads that it judges."""
