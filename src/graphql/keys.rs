//! Rotation and destruction of keys.

use async_graphql::{Context, ID, Object, SimpleObject};

use super::id;
use super::jobs::{Job, JobPayload};
use super::problem::payload;
use crate::access::Op;
use crate::error::Result;
use crate::{privacy, vault};

/// A key-encryption key that is needed no longer.
#[derive(SimpleObject)]
pub struct RetiredKey {
    kek_id: String,
}

payload! {
    /// The key, or why it is needed still.
    RetireKeyPayload, RetiredKey
}

/// Jobs that were asked for, or are under way already.
#[derive(SimpleObject)]
pub struct AskedJobs {
    jobs: Vec<Job>,
}

payload! {
    /// A job for each tenant, or why there is none.
    RotateTenantKeysPayload, AskedJobs
}

/// A tenant whose data nobody can read again.
#[derive(SimpleObject)]
pub struct DestroyedTenantData {
    tenant_id: ID,
}

payload! {
    /// The tenant, or why its data was not destroyed.
    DestroyTenantDataPayload, DestroyedTenantData
}

#[derive(Default)]
pub struct KeysMutation;

#[Object]
impl KeysMutation {
    /// Has everything wrapped by the current key-encryption key that an earlier one wrapped.
    async fn rotate_keys(&self, context: &Context<'_>) -> async_graphql::Result<JobPayload> {
        JobPayload::from_result(vault::rotate_kek(context.data_unchecked::<Op>()).await, Job::from)
    }

    /// Gives each of these tenants (every one when none is named) a new key, moves its people under it, and destroys the old key.
    /// With `fields` each person gets a new key, too, and every field is sealed anew.
    async fn rotate_tenant_keys(
        &self,
        context: &Context<'_>,
        tenant_ids: Option<Vec<ID>>,
        #[graphql(default)] fields: bool,
    ) -> async_graphql::Result<RotateTenantKeysPayload> {
        let result = async {
            let decoded = tenant_ids.as_ref().map(|ids| {
                ids.iter()
                    .map(|given| Ok(id::decode("Tenant", given, "tenantIds")?.0))
                    .collect::<Result<Vec<_>>>()
            });
            let tenants = decoded.transpose()?;
            vault::rotate_tenant_keys(context.data_unchecked::<Op>(), tenants.as_deref(), fields).await
        };
        RotateTenantKeysPayload::from_result(result.await, |jobs| AskedJobs {
            jobs: jobs.into_iter().map(Job::from).collect(),
        })
    }

    /// Destroys everything that is sealed for a tenant, for ever: its keys, everybody's record, its contact and captured mails.
    /// `reason` is kept in the audit log.
    async fn destroy_tenant_data(
        &self,
        context: &Context<'_>,
        tenant_id: ID,
        reason: String,
    ) -> async_graphql::Result<DestroyTenantDataPayload> {
        let result = async {
            let (tenant, _) = id::decode("Tenant", &tenant_id, "tenantId")?;
            privacy::destroy_tenant_data(context.data_unchecked::<Op>(), tenant, &reason).await
        };
        DestroyTenantDataPayload::from_result(result.await, |()| DestroyedTenantData {
            tenant_id: tenant_id.clone(),
        })
    }

    /// Says that nothing is wrapped by an earlier key-encryption key any more, so that it can be destroyed.
    async fn retire_key(
        &self,
        context: &Context<'_>,
        kek_id: String,
    ) -> async_graphql::Result<RetireKeyPayload> {
        let retired = vault::retire_kek(context.data_unchecked::<Op>(), &kek_id).await;
        RetireKeyPayload::from_result(retired, |()| RetiredKey { kek_id })
    }
}
