"""What stands in `deploy/`: tested by the programs that read it, where they are."""
