//! Logging out at a provider of identity: what ends with which of its sessions, and which of its logout tokens were taken. And when
//! the provider says that somebody proved who they are, so that an old sign-in there is no fresh proof here.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DatabaseBackend};

use crate::schema::{Column, Kind, Table as Plan, create, drop};

pub struct Migration;

#[rustfmt::skip]
const OIDC_LOGOUT: Plan = Plan { name: "oidc_logout", append_only: false, columns: &[
    Column::required("tenant_id", Kind::Uuid),
    Column::required("token_hash", Kind::Bytes),
    Column::optional("subject_hash", Kind::Bytes),
    Column::optional("sid_hash", Kind::Bytes),
    Column::required("created_at", Kind::Int64),
    Column::required("expires_at", Kind::Int64),
], primary: &["tenant_id", "token_hash"],
unique: &[],
index: &[&["tenant_id", "sid_hash"], &["tenant_id", "subject_hash"], &["tenant_id", "expires_at"]] };

const COLUMNS: [(&str, &str); 4] = [
    ("session", "oidc_subject_hash"),
    ("session", "oidc_sid_hash"),
    ("sign_in_step", "oidc_subject_hash"),
    ("sign_in_step", "oidc_sid_hash"),
];

/// What came from a provider before does not know from which of its sessions: it ends here, and so do sign-ins that are half done.
const END: [&str; 3] =
    ["DELETE FROM session WHERE methods LIKE 'oidc%'", "DELETE FROM sign_in_step", "DELETE FROM oidc_return"];

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20231126_000025_oidc_logout"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create(manager, &OIDC_LOGOUT).await?;
        // Row-level security hides every row from who names no tenant. Each call is a transaction, or within one.
        let (before, after) = match manager.get_database_backend() {
            DatabaseBackend::Postgres => (
                "SELECT set_config('suimon.reach', 'all', true); ",
                "; SELECT set_config('suimon.reach', '', true)",
            ),
            _ => ("", ""),
        };
        for end in END {
            manager.get_connection().execute_unprepared(&format!("{before}{end}{after}")).await?;
        }
        let blob = |name: &str| ColumnDef::new(Alias::new(name)).blob().to_owned();
        let instant = |name: &str| ColumnDef::new(Alias::new(name)).big_integer().to_owned();
        let columns = COLUMNS.into_iter().map(|(table, name)| (table, blob(name))).chain([
            ("oidc_return", blob("sid_hash")),
            ("oidc_return", instant("proven_at")),
            ("sign_in_step", instant("oidc_proven_at")),
        ]);
        for (table, column) in columns {
            manager
                .alter_table(Table::alter().table(Alias::new(table)).add_column(column).to_owned())
                .await?;
        }
        for name in ["oidc_subject_hash", "oidc_sid_hash"] {
            let mut index = Index::create();
            index.name(format!("session_by_{name}")).table(Alias::new("session")).col(Alias::new(name));
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["oidc_subject_hash", "oidc_sid_hash"] {
            let index =
                Index::drop().name(format!("session_by_{name}")).table(Alias::new("session")).to_owned();
            manager.drop_index(index).await?;
        }
        let more =
            [("oidc_return", "sid_hash"), ("oidc_return", "proven_at"), ("sign_in_step", "oidc_proven_at")];
        for (table, name) in COLUMNS.into_iter().chain(more) {
            let drop = Table::alter().table(Alias::new(table)).drop_column(Alias::new(name)).to_owned();
            manager.alter_table(drop).await?;
        }
        drop(manager, &OIDC_LOGOUT).await
    }
}
