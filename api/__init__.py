"""HTTP: parse, authorise, call one service, dump. No rules.

Each noun has its file: schemas first, then the views. A view is a declaration: the
permission it asks for, what comes in, what goes out, which problems it may answer with.
"""
