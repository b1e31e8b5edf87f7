//! Relay's `node`: the row behind a global id.

use async_graphql::{Context, ID, Interface, Object};

use super::access::Tenant;
use super::exposure::Revision;
use super::id;
use super::incidents::Incident;
use super::notices::Notice;
use crate::access::{self, Op};
use crate::error::{Code, Error, Result};
use crate::incidents;
use crate::notices;

/// A row that can be fetched again by its id alone. People are none: reading one needs a purpose (`subject`). What belongs
/// to an incident (timeline, facts, duties …) is fetched through it.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID"))]
pub enum Node {
    Tenant(Tenant),
    Incident(Incident),
    Revision(Revision),
    Notice(Notice),
}

#[derive(Default)]
pub struct NodeQuery;

#[Object]
impl NodeQuery {
    /// The row behind an id; null when there is none that you may see.
    async fn node(&self, context: &Context<'_>, id: ID) -> async_graphql::Result<Option<Node>> {
        match find(context.data::<Op>()?, &id).await {
            Ok(node) => Ok(node),
            Err(Error::Expected(problem)) if matches!(problem.code, Code::NotFound | Code::Forbidden) => {
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }
}

async fn find(op: &Op, id: &ID) -> Result<Option<Node>> {
    Ok(match id::kind_of(id).as_deref() {
        Some("Tenant") => {
            let (tenant, _) = id::decode("Tenant", id, "id")?;
            Some(Node::Tenant(Tenant(access::tenant_by_id(op, tenant).await?)))
        }
        Some("Incident") => {
            let (tenant, row) = id::decode("Incident", id, "id")?;
            Some(Node::Incident(Incident(incidents::incident(op, tenant, row).await?)))
        }
        Some("Revision") => {
            let (tenant, row) = id::decode("Revision", id, "id")?;
            Some(Node::Revision(Revision(
                incidents::revision(op, incidents::RowId { tenant, id: row }).await?,
            )))
        }
        Some("Notice") => {
            let (tenant, row) = id::decode("Notice", id, "id")?;
            Some(Node::Notice(Notice(notices::notice(op, tenant, row).await?)))
        }
        _ => None,
    })
}
