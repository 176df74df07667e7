"""What Granian's processes load: they hear SIGTERM before the rest is loaded."""

from importlib import import_module

from processes import live_with_granian

live_with_granian()
app = import_module("wsgi").app
