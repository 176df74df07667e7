"""The market in the memory of a worker: columns, kept fresh."""
