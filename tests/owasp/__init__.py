"""One file for each row of the OWASP API Security Top 10 (2023)."""
