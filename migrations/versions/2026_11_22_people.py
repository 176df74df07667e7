"""People and devices: invitations, resets, second factors, companies' standing.

Phase: expand. `org_id` of devices and sign-ins is NOT NULL at once: nothing has been
released on the schema before.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_22_people"
down_revision = "2026_11_22_edge"
branch_labels = None
depends_on = None

ORG_OF_MEMBER = """
update {table} set org_id = members.org_id from members
where members.id = {table}.member_id
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.create_table(
        "sign_in_failures",
        sa.Column("login_hash", sa.String(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("login_hash", name=op.f("pk_sign_in_failures")),
    )
    op.create_index(
        op.f("ix_sign_in_failures_last_at"),
        "sign_in_failures",
        ["last_at"],
        unique=False,
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
            ["invited_by"], ["members.id"], name=op.f("fk_invitations_invited_by")
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_invitations_member_id")
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organisations.id"], name=op.f("fk_invitations_org_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitations")),
    )
    op.create_index(
        op.f("ix_invitations_org_id_id"), "invitations", ["org_id", "id"], unique=False
    )
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
            ["member_id"], ["members.id"], name=op.f("fk_password_resets_member_id")
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
        unique=False,
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
            ["member_id"], ["members.id"], name=op.f("fk_second_factors_member_id")
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organisations.id"], name=op.f("fk_second_factors_org_id")
        ),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_second_factors")),
    )
    op.create_index(
        op.f("ix_second_factors_org_id"), "second_factors", ["org_id"], unique=False
    )
    op.add_column("devices", sa.Column("org_id", sa.Uuid(), nullable=True))
    op.execute(ORG_OF_MEMBER.format(table="devices"))
    op.alter_column("devices", "org_id", nullable=False)
    op.add_column(
        "devices",
        sa.Column("enrolment", sa.String(), server_default="unknown", nullable=False),
    )
    op.add_column(
        "devices", sa.Column("enrolment_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column("devices", sa.Column("enrolment_by", sa.Uuid(), nullable=True))
    op.alter_column("devices", "platform", existing_type=sa.VARCHAR(), nullable=True)
    op.create_index(
        op.f("ix_devices_org_id_enrolment"),
        "devices",
        ["org_id", "enrolment"],
        unique=False,
    )
    op.create_foreign_key(
        op.f("fk_devices_org_id"), "devices", "organisations", ["org_id"], ["id"]
    )
    op.add_column(
        "members", sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column(
        "organisations", sa.Column("usdot_number", sa.String(), nullable=True)
    )
    op.add_column("organisations", sa.Column("mc_number", sa.String(), nullable=True))
    op.add_column(
        "organisations",
        sa.Column(
            "verification", sa.String(), server_default="unverified", nullable=False
        ),
    )
    op.add_column(
        "organisations", sa.Column("verification_source", sa.String(), nullable=True)
    )
    op.add_column(
        "organisations",
        sa.Column("verification_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.add_column(
        "organisations",
        sa.Column("suspended_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.add_column(
        "organisations", sa.Column("suspension_reason", sa.String(), nullable=True)
    )
    op.create_check_constraint(
        op.f("ck_organisations_usdot_number"),
        "organisations",
        "usdot_number ~ '^[0-9]{1,8}$'",
    )
    op.create_check_constraint(
        op.f("ck_organisations_mc_number"),
        "organisations",
        "mc_number ~ '^[0-9]{1,8}$'",
    )
    op.create_check_constraint(
        op.f("ck_organisations_verification_has_a_date"),
        "organisations",
        "(verification = 'unverified') = (verification_at IS NULL)",
    )
    op.create_unique_constraint(
        op.f("uq_organisations_kind_usdot_number"),
        "organisations",
        ["kind", "usdot_number"],
    )
    op.add_column("refresh_families", sa.Column("org_id", sa.Uuid(), nullable=True))
    op.execute(ORG_OF_MEMBER.format(table="refresh_families"))
    op.alter_column("refresh_families", "org_id", nullable=False)
    op.add_column("refresh_families", sa.Column("device_id", sa.Uuid(), nullable=True))
    op.add_column(
        "refresh_families",
        sa.Column(
            "last_used_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
    )
    op.create_index(
        op.f("ix_refresh_families_device_id"),
        "refresh_families",
        ["device_id"],
        unique=False,
    )
    op.create_foreign_key(
        op.f("fk_refresh_families_org_id"),
        "refresh_families",
        "organisations",
        ["org_id"],
        ["id"],
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.drop_constraint(
        op.f("fk_refresh_families_org_id"), "refresh_families", type_="foreignkey"
    )
    op.drop_index(op.f("ix_refresh_families_device_id"), table_name="refresh_families")
    op.drop_column("refresh_families", "last_used_at")
    op.drop_column("refresh_families", "device_id")
    op.drop_column("refresh_families", "org_id")
    op.drop_constraint(
        op.f("uq_organisations_kind_usdot_number"), "organisations", type_="unique"
    )
    op.drop_constraint(
        op.f("ck_organisations_verification_has_a_date"), "organisations"
    )
    op.drop_constraint(op.f("ck_organisations_mc_number"), "organisations")
    op.drop_constraint(op.f("ck_organisations_usdot_number"), "organisations")
    op.drop_column("organisations", "suspension_reason")
    op.drop_column("organisations", "suspended_at")
    op.drop_column("organisations", "verification_at")
    op.drop_column("organisations", "verification_source")
    op.drop_column("organisations", "verification")
    op.drop_column("organisations", "mc_number")
    op.drop_column("organisations", "usdot_number")
    op.drop_column("members", "erased_at")
    op.drop_constraint(op.f("fk_devices_org_id"), "devices", type_="foreignkey")
    op.drop_index(op.f("ix_devices_org_id_enrolment"), table_name="devices")
    op.execute("update devices set platform = 'android' where platform is null")
    op.alter_column("devices", "platform", existing_type=sa.VARCHAR(), nullable=False)
    op.drop_column("devices", "enrolment_by")
    op.drop_column("devices", "enrolment_at")
    op.drop_column("devices", "enrolment")
    op.drop_column("devices", "org_id")
    op.drop_index(op.f("ix_second_factors_org_id"), table_name="second_factors")
    op.drop_table("second_factors")
    op.drop_index(op.f("ix_password_resets_token_hash"), table_name="password_resets")
    op.drop_index(
        op.f("ix_password_resets_org_id_member_id"), table_name="password_resets"
    )
    op.drop_table("password_resets")
    op.drop_index(op.f("ix_invitations_token_hash"), table_name="invitations")
    op.drop_index(op.f("ix_invitations_org_id_id"), table_name="invitations")
    op.drop_table("invitations")
    op.drop_index(op.f("ix_sign_in_failures_last_at"), table_name="sign_in_failures")
    op.drop_table("sign_in_failures")
