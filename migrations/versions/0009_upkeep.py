"""The audit log: who did what to which row, as a chain for each company.

A deferred trigger writes at the end of each transaction in which a signed-in member
acts: the lock on the head of the company's chain is held for a moment, and never while
the transaction waits for another row.

`audit_row` runs as its owner, the only role that may write entries and heads:
0010_walls makes that role, the policies, and `app_org`.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009_upkeep"
down_revision = "0008_booking"
phase = "expand"
branch_labels = None
depends_on = None

WATCHED = {
    "organisations": "insert or update or delete",
    "members": "insert or update or delete",
    "devices": "insert or update or delete",
    "trucks": "insert or update or delete",
    "drivers": "insert or update or delete",
    "areas": "insert or update or delete",
    "loads": "insert or update or delete",
    # Stops are inserted with their load.
    "stops": "update or delete",
    "offers": "update or delete",
    "assignments": "insert or update or delete",
    "overrides": "insert or update or delete",
    "invitations": "insert or update or delete",
    "password_resets": "update",
    "second_factors": "insert or update or delete",
}

AUDIT_ROW = """
create function audit_row() returns trigger
    language plpgsql security definer set search_path = public, pg_temp as $$
declare
    actor uuid := nullif(current_setting('app.member', true), '')::uuid;
    company uuid := app_org();
    after_row jsonb := case when tg_op = 'DELETE' then '{}' else to_jsonb(new) end;
    before_row jsonb := case when tg_op = 'INSERT' then '{}' else to_jsonb(old) end;
    changed text[];
    head audit_heads;
    moment timestamptz := clock_timestamp();
    subject uuid;
    digest bytea;
begin
    -- The server acts: `events` has what it did.
    if actor is null or company is null then return null; end if;
    changed := array(
        select key from jsonb_each(after_row || before_row)
        where after_row -> key is distinct from before_row -> key
        and key <> 'version' order by key
    );
    if changed = '{}' then return null; end if;
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
    return null;
end $$;
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.create_table(
        "audit",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("act", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("columns", sa.ARRAY(sa.String()), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organisations.id"], name=op.f("fk_audit_org_id")
        ),
        sa.PrimaryKeyConstraint("org_id", "seq", name=op.f("pk_audit")),
    )
    op.create_table(
        "audit_heads",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organisations.id"], name=op.f("fk_audit_heads_org_id")
        ),
        sa.PrimaryKeyConstraint("org_id", name=op.f("pk_audit_heads")),
    )
    op.create_table(
        "audit_signatures",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kid", sa.String(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organisations.id"], name=op.f("fk_audit_signatures_org_id")
        ),
        sa.PrimaryKeyConstraint("org_id", "seq", name=op.f("pk_audit_signatures")),
    )
    for table in ("audit", "audit_signatures"):
        op.execute(
            f"create trigger {table}_is_append_only before update or delete on {table}"
            " for each row execute function refuse_change()"
        )
    op.execute(AUDIT_ROW)
    for table, commands in WATCHED.items():
        op.execute(
            f"create constraint trigger ct_{table}_audit after {commands} on {table}"
            " deferrable initially deferred for each row execute function audit_row()"
        )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    for table in WATCHED:
        op.execute(f"drop trigger ct_{table}_audit on {table}")
    op.execute("drop function audit_row()")
    op.drop_table("audit_signatures")
    op.drop_table("audit_heads")
    op.drop_table("audit")
