"""What the processes share: start, serving web, where pushes and letters go."""
