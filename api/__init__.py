"""HTTP: parse, authorise, call one service, dump. No business rules.

Each noun has its file: schemas first, then the views. A view declares the permission it
needs, what comes in, what goes out, and which problems it may answer with.
"""
