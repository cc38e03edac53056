"""Accounts that an OIDC provider signs in; and what people had changed before each change was an entry of the chain.

Rows of ``cases``, ``callbacks`` and ``accounts`` are taken as they are now: one entry each, by ``upgrade``. Everybody
signs in anew, for a session must have an entry that tells of its beginning.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from operations.chain import append_rows
from operations.changes import CHAIN, account_changed, callback_changed, case_changed
from operations.tables import accounts, callbacks, cases, sessions

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None
_BY = "upgrade"
_CHUNK = 200


def upgrade() -> None:
    with op.batch_alter_table("accounts") as table:
        table.add_column(
            sa.Column(
                "issuer", sa.String(256), comment="OIDC provider that signs this person in; null: the password here"
            )
        )
        table.add_column(sa.Column("subject", sa.String(256), comment="who they are there"))
        table.create_unique_constraint("uq_accounts_issuer", ["issuer", "subject"])
    connection = op.get_bind()
    told = [
        case_changed(connection, one, _BY, "found")
        for one in connection.scalars(sa.select(cases.c.call_id).order_by(cases.c.call_id)).all()
    ]
    touched = sa.or_(callbacks.c.claimed_by.is_not(None), callbacks.c.closed_at.is_not(None))
    told += [
        callback_changed(connection, one, _BY, "found")
        for one in connection.scalars(sa.select(callbacks.c.ticket).where(touched).order_by(callbacks.c.ticket)).all()
    ]
    told += [
        account_changed(connection, one, _BY, "account.found", one)
        for one in connection.scalars(sa.select(accounts.c.name).order_by(accounts.c.name)).all()
    ]
    for start in range(0, len(told), _CHUNK):
        append_rows(connection, CHAIN, told[start : start + _CHUNK])
    connection.execute(sa.delete(sessions))


def downgrade() -> None:
    with op.batch_alter_table("accounts") as table:
        table.drop_constraint("uq_accounts_issuer", type_="unique")
        table.drop_column("subject")
        table.drop_column("issuer")
