//! The only place that knows the table of logout tokens, and what ends by one.

use std::collections::BTreeSet;

use entity::{oidc_logout, oidc_return, session, sign_in_step};
use sea_orm::sea_query::{Condition, OnConflict};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QuerySelect,
};
use uuid::Uuid;

/// Who logged out at a provider, as keyed digests: one of them at least.
pub struct LoggedOut {
    pub subject_hash: Option<Vec<u8>>,
    pub sid_hash: Option<Vec<u8>>,
}

impl LoggedOut {
    /// Of the rows with these columns. With a session of the provider's: those of that session, and those of the subject of
    /// which it is not known from which session they came. Without: all of the subject.
    fn rows<C: ColumnTrait>(&self, subject: C, sid: C) -> Condition {
        let mut all = Condition::all();
        if let Some(hash) = &self.subject_hash {
            all = all.add(subject.eq(hash.clone()));
        }
        match (&self.sid_hash, &self.subject_hash) {
            (Some(hash), Some(_)) => all.add(Condition::any().add(sid.eq(hash.clone())).add(sid.is_null())),
            (Some(hash), None) => all.add(sid.eq(hash.clone())),
            // Nobody is named: nothing ends.
            (None, None) => all.add(Condition::any().add(sid.is_null()).add(sid.is_not_null()).not()),
            (None, Some(_)) => all,
        }
    }
}

/// Keeps a token that was taken; whether it is the first of its kind. Those of the tenant that are over by `now` go.
pub async fn insert_logout<C: ConnectionTrait>(
    database: &C,
    row: oidc_logout::Model,
    now: i64,
) -> Result<bool, DbErr> {
    oidc_logout::Entity::delete_many()
        .filter(oidc_logout::Column::TenantId.eq(row.tenant_id))
        .filter(oidc_logout::Column::ExpiresAt.lte(now))
        .exec(database)
        .await?;
    let written = oidc_logout::Entity::insert(row.into_active_model().reset_all())
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(database)
        .await?;
    Ok(written == 1)
}

/// The accounts (with their tenants) that have something to end, in order.
pub async fn concerned<C: ConnectionTrait>(
    database: &C,
    out: &LoggedOut,
) -> Result<BTreeSet<(Uuid, Uuid)>, DbErr> {
    use oidc_return::Column as Returned;
    use session::Column as Session;
    use sign_in_step::Column as Step;
    let mut accounts = BTreeSet::<(Uuid, Uuid)>::new();
    let sessions = session::Entity::find().filter(Session::RevokedAt.is_null());
    let sessions = sessions.filter(out.rows(Session::OidcSubjectHash, Session::OidcSidHash)).select_only();
    let sessions = sessions.column(Session::TenantId).column(Session::AccountId).distinct();
    accounts.extend(sessions.into_tuple::<(Uuid, Uuid)>().all(database).await?);
    let steps = sign_in_step::Entity::find().filter(out.rows(Step::OidcSubjectHash, Step::OidcSidHash));
    let steps = steps.select_only().column(Step::TenantId).column(Step::AccountId).distinct();
    accounts.extend(steps.into_tuple::<(Uuid, Uuid)>().all(database).await?);
    let returns = oidc_return::Entity::find().filter(Returned::FinishedAt.is_null());
    let returns = returns.filter(out.rows(Returned::SubjectHash, Returned::SidHash)).select_only();
    let returns = returns.column(Returned::TenantId).column(Returned::AccountId).distinct();
    accounts.extend(returns.into_tuple::<(Uuid, Uuid)>().all(database).await?);
    Ok(accounts)
}

/// Ends what an account has of it: how many sessions.
pub async fn end<C: ConnectionTrait>(
    database: &C,
    (tenant, account): (Uuid, Uuid),
    out: &LoggedOut,
    at: i64,
) -> Result<u64, DbErr> {
    use oidc_return::Column as Returned;
    use session::Column as Session;
    use sign_in_step::Column as Step;
    let revoked = session::Entity::update_many()
        .col_expr(Session::RevokedAt, at.into())
        .filter(Session::TenantId.eq(tenant))
        .filter(Session::AccountId.eq(account))
        .filter(Session::RevokedAt.is_null())
        .filter(out.rows(Session::OidcSubjectHash, Session::OidcSidHash))
        .exec(database)
        .await?;
    sign_in_step::Entity::delete_many()
        .filter(Step::TenantId.eq(tenant))
        .filter(Step::AccountId.eq(account))
        .filter(out.rows(Step::OidcSubjectHash, Step::OidcSidHash))
        .exec(database)
        .await?;
    oidc_return::Entity::update_many()
        .col_expr(Returned::FinishedAt, at.into())
        .filter(Returned::TenantId.eq(tenant))
        .filter(Returned::AccountId.eq(account))
        .filter(Returned::FinishedAt.is_null())
        .filter(out.rows(Returned::SubjectHash, Returned::SidHash))
        .exec(database)
        .await?;
    Ok(revoked.rows_affected)
}

/// Whether the provider's session of this return, or all of its subject, was logged out since the sign-in began. What was logged out
/// before does not matter: the provider has proven the person again since.
pub async fn logged_out<C: ConnectionTrait>(
    database: &C,
    root: Uuid,
    row: &oidc_return::Model,
    began: i64,
) -> Result<bool, DbErr> {
    use oidc_logout::Column;
    let mut of_subject = Condition::all().add(Column::SubjectHash.eq(row.subject_hash.clone()));
    let mut any = Condition::any();
    if let Some(sid) = &row.sid_hash {
        of_subject = of_subject.add(Column::SidHash.is_null());
        any = any.add(Column::SidHash.eq(sid.clone()));
    }
    let found = oidc_logout::Entity::find()
        .filter(Column::TenantId.eq(root))
        .filter(Column::CreatedAt.gte(began))
        .filter(any.add(of_subject));
    Ok(found.count(database).await? > 0)
}

/// A session that came from this subject at its provider belongs to a newer session there from now on.
pub async fn follow<C: ConnectionTrait>(
    database: &C,
    row: &oidc_return::Model,
    session: Uuid,
) -> Result<(), DbErr> {
    if row.sid_hash.is_none() {
        return Ok(());
    }
    session::Entity::update_many()
        .col_expr(session::Column::OidcSidHash, row.sid_hash.clone().into())
        .filter(session::Column::TenantId.eq(row.tenant_id))
        .filter(session::Column::Id.eq(session))
        .filter(session::Column::OidcSubjectHash.eq(row.subject_hash.clone()))
        .exec(database)
        .await?;
    Ok(())
}
