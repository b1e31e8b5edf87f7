//! The audit log.

use async_graphql::{Context, Enum, ID, Object, SimpleObject};

use super::id;
use crate::access::{Action, Op};
use crate::audit;

/// Kinds of damage in a chain.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::audit::FaultKind")]
pub enum AuditFaultKind {
    Changed,
    Missing,
    Broken,
    WrongEnd,
    ForgedHead,
}

/// Damage at one place of a chain.
#[derive(SimpleObject)]
pub struct AuditFault {
    /// Number of the entry.
    seq: i64,
    kind: AuditFaultKind,
}

/// The state of one tenant's chain.
#[derive(SimpleObject)]
pub struct AuditChain {
    tenant_id: ID,
    entries: i64,
    /// Empty when nothing was changed, removed or swapped.
    faults: Vec<AuditFault>,
}

#[derive(Default)]
pub struct AuditQuery;

#[Object]
impl AuditQuery {
    /// Reads every audit chain that you may verify from its first entry and checks it.
    #[graphql(complexity = "2000 + child_complexity")]
    async fn verify_audit(&self, context: &Context<'_>) -> async_graphql::Result<Vec<AuditChain>> {
        let scope = context.data::<Op>()?.permit(Action::Verify, "audit").await?;
        let reports = audit::verify(&scope).await?;
        Ok(reports
            .into_iter()
            .map(|report| AuditChain {
                tenant_id: id::encode("Tenant", report.tenant, report.tenant),
                entries: report.entries,
                faults: report
                    .faults
                    .into_iter()
                    .map(|fault| AuditFault { seq: fault.seq, kind: fault.kind.into() })
                    .collect(),
            })
            .collect())
    }
}
