"""A commit waits for no lock of the audit log, and PUBLIC may do nothing.

The trigger `audit_row` only adds an entry to `audit_unchained`: an insert that no other
transaction can hold up. `chain_audit`, which a job of the worker calls, moves the
entries to the end of their companies' chains; nothing else locks a head.

PUBLIC loses the right to execute our functions and to use our schema; functions that
the owner or the worker make later do not get it. A later revision grants execution of
its functions to the roles that call them. `runtime/schema.py` closes the database
itself, as the rights on a database are in no dump.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013_locks"
down_revision = "0012_entrance"
phase = "expand"
branch_labels = None
depends_on = None

WRITE = """
    insert into audit_unchained
        (org_id, at, member_id, act, subject, subject_id, columns)
    values (company, clock_timestamp(), actor, lower(tg_op), tg_table_name,
        -- A second factor has the id of its member.
        coalesce(after_row ->> 'id', before_row ->> 'id',
            after_row ->> 'member_id', before_row ->> 'member_id')::uuid, changed);
"""

WRITE_AND_CHAIN = """
    insert into audit_heads values (company, 0, '') on conflict do nothing;
    select * into head from audit_heads where org_id = company for update;
    -- A second factor has the id of its member.
    subject := coalesce(after_row ->> 'id', before_row ->> 'id',
        after_row ->> 'member_id', before_row ->> 'member_id')::uuid;
    digest := sha256(convert_to(concat_ws(E'\\n',
        encode(head.hash, 'hex'), company, head.seq + 1,
        (extract(epoch from moment) * 1000000)::bigint, actor, lower(tg_op),
        tg_table_name, subject, array_to_string(changed, ',')), 'UTF8'));
    insert into audit values (company, head.seq + 1, moment, actor, lower(tg_op),
        tg_table_name, subject, changed, digest);
    update audit_heads set seq = head.seq + 1, hash = digest where org_id = company;
"""
"""As 0009_upkeep has it."""

AUDIT_ROW = """
create or replace function audit_row() returns trigger
    language plpgsql security definer set search_path = public, pg_temp as $$
declare
    actor uuid := nullif(current_setting('app.member', true), '')::uuid;
    company uuid := app_org();
    after_row jsonb := case when tg_op = 'DELETE' then '{{}}' else to_jsonb(new) end;
    before_row jsonb := case when tg_op = 'INSERT' then '{{}}' else to_jsonb(old) end;
    changed text[];
    {variables}
begin
    -- The server acts: `events` has what it did.
    if actor is null or company is null then return null; end if;
    changed := array(
        select key from jsonb_each(after_row || before_row)
        where after_row -> key is distinct from before_row -> key
        and key <> 'version' order by key
    );
    if changed = '{{}}' then return null; end if;
    {write}
    return null;
end $$;
"""
CHAINING = (
    "head audit_heads; moment timestamptz := clock_timestamp(); subject uuid;"
    " digest bytea;"
)

CHAIN_AUDIT = """
create function chain_audit(most integer) returns integer
    language plpgsql security definer set search_path = public, pg_temp
    set lock_timeout = '2s' as $$
declare
    company uuid; head audit_heads; entry audit_unchained; digest bytea;
    moved integer := 0; moved_here integer;
begin
    for company in select distinct org_id from audit_unchained order by org_id loop
        exit when moved >= most;
        moved_here := 0;
        begin
            insert into audit_heads values (company, 0, '') on conflict do nothing;
            select * into head from audit_heads where org_id = company
                for update nowait;
            for entry in select * from audit_unchained where org_id = company
                order by id limit most - moved loop
                digest := sha256(convert_to(concat_ws(E'\\n',
                    encode(head.hash, 'hex'), company, head.seq + 1,
                    (extract(epoch from entry.at) * 1000000)::bigint, entry.member_id,
                    entry.act, entry.subject, entry.subject_id,
                    array_to_string(entry.columns, ',')), 'UTF8'));
                head.seq := head.seq + 1;
                head.hash := digest;
                insert into audit values (company, head.seq, entry.at, entry.member_id,
                    entry.act, entry.subject, entry.subject_id, entry.columns, digest);
                -- By its id: an entry with a smaller one may appear meanwhile.
                delete from audit_unchained where id = entry.id;
                moved_here := moved_here + 1;
            end loop;
            update audit_heads set seq = head.seq, hash = head.hash
                where org_id = company;
            moved := moved + moved_here;
        exception when lock_not_available then
            -- Another session has locked this company; the next run tries again.
            null;
        end;
    end loop;
    return moved;
end $$;
revoke execute on function chain_audit(integer) from public;
grant execute on function chain_audit(integer) to backhaul_worker;
"""
"""Ids are given at the end of each transaction: an entry about a row has a greater id
than the entries of transactions that changed the row before, and is seen only with
them. So a chain is in the order in which each row was changed."""

UNCHAINED = """
alter table audit_unchained enable row level security;
alter table audit_unchained force row level security;
create policy server on audit_unchained to backhaul_worker
    using (true) with check (true);
create policy chain on audit_unchained to backhaul_owner using (true) with check (true);
grant select on audit_unchained to backhaul_worker;
create function refuse_unless_chained() returns trigger language plpgsql as $$
begin
    -- `chain_audit` runs as the owner, and no role of ours can become the owner.
    if tg_op = 'DELETE' and current_user = 'backhaul_owner' then return old; end if;
    raise exception '% is append-only', tg_table_name;
end $$;
create trigger audit_unchained_is_append_only before update or delete
    on audit_unchained for each row execute function refuse_unless_chained();
"""

RIGHTS = """
do $$ declare found record; begin
    for found in select p.oid::regprocedure as name from pg_proc p
        where p.pronamespace = 'public'::regnamespace
        and pg_has_role(p.proowner, 'usage') loop
        execute format('{act}', found.name);
    end loop;
end $$
"""
"""Run once as each owner of functions."""

FOR_BOTH = (
    "act_for(text, text, text)",
    "enter(uuid, uuid, uuid, text[], float8[], float8[])",
    "take_limits(text[], float8[], float8[])",
)
"""What a connection calls before it has the role of the app, and within it."""

FOR_THE_APP = ("app_org()", "app_visible()", "app_loads()")
"""What the app's policies call. What a trigger calls needs no grant."""

OF_THE_QUEUE = """
do $$ declare found record; begin
    for found in select p.oid::regprocedure as name, p.proname from pg_proc p
        where p.pronamespace = 'public'::regnamespace
        and p.proname like 'procrastinate\\_%' and p.prorettype <> 'trigger'::regtype
    loop
        execute format('grant execute on function %s to backhaul_worker', found.name);
        if found.proname like 'procrastinate\\_defer\\_jobs%' then
            execute format('grant execute on function %s to backhaul_app', found.name);
        end if;
    end loop;
end $$
"""
"""The worker runs the queue; the app only adds jobs."""

OPEN_QUEUE = """
do $$ declare found record; begin
    for found in select p.oid::regprocedure as name from pg_proc p
        where p.pronamespace = 'public'::regnamespace
        and p.proname like 'procrastinate\\_%' loop
        execute format('grant execute on function %s to public', found.name);
    end loop;
end $$
"""

LOGINS = """
do $$ declare role text; begin
    -- Roles belong to the whole server: another database may be making this one now.
    begin
        if to_regrole('backhaul_logins') is null then
            create role backhaul_logins nologin nosuperuser nobypassrls;
        end if;
    exception when duplicate_object or unique_violation then null;
    end;
    foreach role in array array['backhaul_app', 'backhaul_worker'] loop
        begin
            if not pg_has_role(role, 'backhaul_logins', 'member') then
                execute format('grant backhaul_logins to %I', role);
            end if;
        exception when duplicate_object or unique_violation then null;
        end;
    end loop;
end $$
"""
"""The role that may connect, of which app and worker are members. The right is not
theirs alone: `drop owned by` in 0010_walls, when one database goes back to nothing,
takes their own rights on every database of the server."""

GIVE_BACK = """
do $$ begin
    execute format('grant connect, temporary on database %I to public',
        current_database());
end $$
"""

CHAIN_ALL = """
do $$ begin
    while chain_audit(1000) > 0 loop null; end loop;
    if exists (select from audit_unchained) then
        raise exception 'Another session has locked a chain of the audit log.';
    end if;
end $$
"""

OWNERS = ("backhaul_owner", "backhaul_worker")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.create_table(
        "audit_unchained",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("act", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("columns", sa.ARRAY(sa.String()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_unchained")),
    )
    op.create_index(
        op.f("ix_audit_unchained_org_id_id"), "audit_unchained", ["org_id", "id"]
    )
    op.execute(UNCHAINED)
    op.execute(CHAIN_AUDIT)
    op.execute(AUDIT_ROW.format(variables="", write=WRITE))
    _close()


def _close() -> None:
    op.execute("reset role")
    op.execute(LOGINS)
    op.execute("revoke all on schema public from public")
    for owner in OWNERS:
        op.execute(f"set local role {owner}")
        op.execute(RIGHTS.format(act="revoke execute on function %s from public"))
        op.execute("alter default privileges revoke execute on functions from public")
    op.execute("set local role backhaul_owner")
    for function in FOR_BOTH:
        op.execute(
            f"grant execute on function {function} to backhaul_app, backhaul_worker"
        )
    for function in FOR_THE_APP:
        op.execute(f"grant execute on function {function} to backhaul_app")
    op.execute(OF_THE_QUEUE)


def _open() -> None:
    op.execute("reset role")
    op.execute("grant usage on schema public to public")
    op.execute(GIVE_BACK)
    op.execute("set local role backhaul_worker")
    op.execute("alter default privileges grant execute on functions to public")
    op.execute("set local role backhaul_owner")
    op.execute("alter default privileges grant execute on functions to public")
    for function in (*FOR_BOTH, *FOR_THE_APP, "audit_row()", "refuse_change()"):
        op.execute(f"grant execute on function {function} to public")
    op.execute(OPEN_QUEUE)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.execute(CHAIN_ALL)
    op.execute(AUDIT_ROW.format(variables=CHAINING, write=WRITE_AND_CHAIN))
    op.execute("drop function chain_audit(integer)")
    op.drop_table("audit_unchained")
    op.execute("drop function refuse_unless_chained()")
    _open()
