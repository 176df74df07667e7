"""Queries of the rights that PUBLIC has."""

OF_PUBLIC = {
    "database": "select datname from pg_database, aclexplode(coalesce(datacl,"
    " acldefault('d', datdba))) where datname = current_database() and grantee = 0",
    "schema": "select nspname from pg_namespace, aclexplode(coalesce(nspacl,"
    " acldefault('n', nspowner))) where grantee = 0 and nspname !~ '^pg_'"
    " and nspname <> 'information_schema'",
    "function": "select p.oid::regprocedure::text from pg_proc p, aclexplode(coalesce("
    "proacl, acldefault('f', proowner))) where grantee = 0"
    " and pronamespace = 'public'::regnamespace",
    "table": "select c.oid::regclass::text from pg_class c, aclexplode(coalesce(relacl,"
    " acldefault(case relkind when 'S' then 's' else 'r' end::\"char\", relowner)))"
    " where grantee = 0 and relnamespace = 'public'::regnamespace",
    "column": "select attrelid::regclass::text from pg_attribute a join pg_class c on"
    " c.oid = attrelid, aclexplode(attacl) where grantee = 0"
    " and relnamespace = 'public'::regnamespace",
}
"""What PUBLIC may use, by kind. A null list of rights means PostgreSQL's defaults."""
