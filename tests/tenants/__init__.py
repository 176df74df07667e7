"""The second wall: what the database itself refuses."""
