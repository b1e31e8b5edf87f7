//! Break-glass: access in an emergency, asked for by one person and granted by another, for a time. The row stands under the
//! tenant whose data it opens; who asked may belong to the operator.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "emergency_access")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Tenant of who asked.
    pub actor_tenant: Uuid,
    /// The account that asked, and the only one that it opens anything for.
    pub actor: Uuid,
    /// `requested`, `refused`, `approved` (until it is reviewed; whether it holds is a question of `ends_at`) or `reviewed`.
    #[sea_orm(column_type = "Text")]
    pub state: String,
    /// JSON: actions and objects.
    #[sea_orm(column_type = "Text")]
    pub permissions: String,
    /// The only person that it opens, where one is named.
    pub subject_id: Option<Uuid>,
    /// What it is for; a reference that decides nothing.
    pub incident_id: Option<Uuid>,
    #[sea_orm(column_type = "Text")]
    pub reason: String,
    pub minutes: i32,
    pub requested_at: i64,
    pub decided_at: Option<i64>,
    pub decided_by: Option<Uuid>,
    #[sea_orm(column_type = "Text", nullable)]
    pub decision_comment: Option<String>,
    /// The instant at which it ends; earlier than granted when somebody ended it.
    pub ends_at: Option<i64>,
    pub ended_by: Option<Uuid>,
    pub uses: i64,
    pub first_used_at: Option<i64>,
    pub reviewed_at: Option<i64>,
    pub reviewed_by: Option<Uuid>,
    #[sea_orm(column_type = "Text", nullable)]
    pub review_comment: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
