"""People: companies, their members, devices, sign-ins and invitations."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002_people"
down_revision = "0001_queue"
phase = "expand"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.create_table(
        "organisations",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("usdot_number", sa.String(), nullable=True),
        sa.Column("mc_number", sa.String(), nullable=True),
        sa.Column(
            "verification", sa.String(), server_default="unverified", nullable=False
        ),
        sa.Column("verification_source", sa.String(), nullable=True),
        sa.Column("verification_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("suspended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("suspension_reason", sa.String(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "(verification = 'unverified') = (verification_at IS NULL)",
            name=op.f("ck_organisations_verification_has_a_date"),
        ),
        sa.CheckConstraint(
            "mc_number ~ '^[0-9]{1,8}$'", name=op.f("ck_organisations_mc_number")
        ),
        sa.CheckConstraint(
            "usdot_number ~ '^[0-9]{1,8}$'", name=op.f("ck_organisations_usdot_number")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisations")),
        sa.UniqueConstraint(
            "kind", "usdot_number", name=op.f("uq_organisations_kind_usdot_number")
        ),
    )
    op.create_table(
        "members",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("phone", sa.String(), nullable=True),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("roles", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("deactivated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "roles <> '{}' AND roles <@"
            " ARRAY['driver','dispatcher','shipper','broker','admin']::varchar[]",
            name=op.f("ck_members_roles"),
        ),
        sa.CheckConstraint(
            "email IS NOT NULL OR phone IS NOT NULL", name=op.f("ck_members_reachable")
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organisations.id"], name=op.f("fk_members_org_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_members")),
        sa.UniqueConstraint("org_id", "id", name=op.f("uq_members_org_id_id")),
    )
    op.create_index(
        "uq_members_email", "members", [sa.literal_column("lower(email)")], unique=True
    )
    op.create_index("uq_members_phone", "members", ["phone"], unique=True)
    op.create_table(
        "devices",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("enrolment", sa.String(), server_default="unknown", nullable=False),
        sa.Column("enrolment_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("enrolment_by", sa.Uuid(), nullable=True),
        sa.Column("platform", sa.String(), nullable=True),
        sa.Column("target_kind", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("app_version", sa.String(), nullable=False),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_ok_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dead_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dead_reason", sa.String(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "member_id"],
            ["members.org_id", "members.id"],
            name=op.f("fk_devices_org_id_member_id"),
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organisations.id"], name=op.f("fk_devices_org_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_devices")),
    )
    op.create_index(op.f("ix_devices_member_id"), "devices", ["member_id"])
    op.create_index(
        op.f("ix_devices_org_id_enrolment"), "devices", ["org_id", "enrolment"]
    )
    op.create_index(
        "uq_devices_live_target",
        "devices",
        ["target_kind", "target"],
        unique=True,
        postgresql_where=sa.text("dead_at IS NULL"),
    )
    op.create_table(
        "refresh_families",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.Column("seed", sa.String(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column(
            "last_used_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_reason", sa.String(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "member_id"],
            ["members.org_id", "members.id"],
            name=op.f("fk_refresh_families_org_id_member_id"),
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organisations.id"], name=op.f("fk_refresh_families_org_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refresh_families")),
    )
    op.create_index(
        op.f("ix_refresh_families_device_id"), "refresh_families", ["device_id"]
    )
    op.create_index(
        op.f("ix_refresh_families_member_id"), "refresh_families", ["member_id"]
    )
    op.create_table(
        "sign_in_failures",
        sa.Column("login_hash", sa.String(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("login_hash", name=op.f("pk_sign_in_failures")),
    )
    op.create_index(
        op.f("ix_sign_in_failures_last_at"), "sign_in_failures", ["last_at"]
    )
    op.create_table(
        "invitations",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("invited_by", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("phone", sa.String(), nullable=True),
        sa.Column("roles", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "(accepted_at IS NULL) = (member_id IS NULL)",
            name=op.f("ck_invitations_accepted_by_a_member"),
        ),
        sa.CheckConstraint(
            "email IS NOT NULL OR phone IS NOT NULL",
            name=op.f("ck_invitations_reachable"),
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "invited_by"],
            ["members.org_id", "members.id"],
            name=op.f("fk_invitations_org_id_invited_by"),
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "member_id"],
            ["members.org_id", "members.id"],
            name=op.f("fk_invitations_org_id_member_id"),
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organisations.id"], name=op.f("fk_invitations_org_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitations")),
    )
    op.create_index(op.f("ix_invitations_org_id_id"), "invitations", ["org_id", "id"])
    op.create_index(
        op.f("ix_invitations_token_hash"), "invitations", ["token_hash"], unique=True
    )
    op.create_table(
        "password_resets",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "member_id"],
            ["members.org_id", "members.id"],
            name=op.f("fk_password_resets_org_id_member_id"),
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organisations.id"], name=op.f("fk_password_resets_org_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_password_resets")),
    )
    op.create_index(
        op.f("ix_password_resets_org_id_member_id"),
        "password_resets",
        ["org_id", "member_id"],
    )
    op.create_index(
        op.f("ix_password_resets_token_hash"),
        "password_resets",
        ["token_hash"],
        unique=True,
    )
    op.create_table(
        "second_factors",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("encrypted_secret", sa.String(), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_step", sa.Integer(), nullable=False),
        sa.Column(
            "recovery_hashes",
            postgresql.ARRAY(sa.String()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "member_id"],
            ["members.org_id", "members.id"],
            name=op.f("fk_second_factors_org_id_member_id"),
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organisations.id"], name=op.f("fk_second_factors_org_id")
        ),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_second_factors")),
    )
    op.create_index(op.f("ix_second_factors_org_id"), "second_factors", ["org_id"])


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.drop_table("second_factors")
    op.drop_table("password_resets")
    op.drop_table("invitations")
    op.drop_table("sign_in_failures")
    op.drop_table("refresh_families")
    op.drop_table("devices")
    op.drop_table("members")
    op.drop_table("organisations")
