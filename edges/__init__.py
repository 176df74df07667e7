"""What the edges share: how a process starts, how web is served, where pushes and
letters go."""
