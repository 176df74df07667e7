"""Row security: what the database itself refuses."""
