"""Checksums of a whole database, to compare two databases."""

from collections.abc import Collection

from sqlalchemy import Engine, text

TABLES = text("select tablename from pg_tables where schemaname = 'public' order by 1")

FENCES = text(
    """
    select 'policy', tablename, policyname::text,
        concat_ws(' ', permissive, roles, cmd, regexp_replace(
            concat_ws(' check ', qual, with_check),
            '::character varying|::text(\\[\\])?|[()]', '', 'g')) from pg_policies
    union all select 'table', relname, relowner::regrole::text,
        concat_ws(' ', relkind, relrowsecurity, relforcerowsecurity,
            (select array_agg(acl::text order by acl::text) from unnest(relacl) acl),
            (select array_agg(concat(attname, acl) order by attname, acl::text)
                from pg_attribute, unnest(attacl) acl where attrelid = pg_class.oid),
            obj_description(oid, 'pg_class'))
        from pg_class where relnamespace = 'public'::regnamespace
    union all select 'function', proname, proowner::regrole::text,
        concat_ws(' ', prosecdef, proconfig, md5(prosrc),
            (select array_agg(acl::text order by acl::text) from unnest(proacl) acl))
        from pg_proc where pronamespace = 'public'::regnamespace
    union all select 'trigger', tgrelid::regclass::text, tgname, tgenabled::text
        from pg_trigger where not tgisinternal
    union all select 'role', rolname, '', concat_ws(' ', rolsuper, rolinherit,
        rolcanlogin, rolbypassrls, (select array_agg(roleid::regrole order by 1)
            from pg_auth_members where member = pg_roles.oid))
        from pg_roles where rolname like 'backhaul%'
    order by 1, 2, 3
    """
)
"""The rights in a database: policies, owners, grants, functions, triggers, roles.

Casts and brackets of policies are left out: PostgreSQL shows `x IN (...)` over varchar
differently after it was restored from a dump."""

SEQUENCES = text("select sequencename, last_value from pg_sequences order by 1")


def rows(engine: Engine, without: Collection[str] = ()) -> dict[str, str]:
    """Return the number of rows and their checksum, by table."""
    with engine.connect() as connection:
        return {
            name: str(
                connection.execute(
                    text(
                        "select count(*), md5(coalesce(string_agg(kept::text, '|'"
                        f" order by kept::text), '')) from {name} as kept"
                    )
                ).one()
            )
            for name in connection.scalars(TABLES)
            if name not in without
        }


def fences(engine: Engine) -> list[tuple[str, ...]]:
    """Return the rights in the database; see FENCES."""
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(FENCES)]


def sequences(engine: Engine) -> list[tuple[str, int]]:
    """Return the last value of each sequence."""
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(SEQUENCES)]
