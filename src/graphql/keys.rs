//! Rotation of the key-encryption key.

use async_graphql::{Context, Object, SimpleObject};

use super::jobs::{Job, JobPayload};
use super::problem::payload;
use crate::access::Op;
use crate::vault;

/// A key-encryption key that is needed no longer.
#[derive(SimpleObject)]
pub struct RetiredKey {
    kek_id: String,
}

payload! {
    /// The key, or why it is needed still.
    RetireKeyPayload, RetiredKey
}

#[derive(Default)]
pub struct KeysMutation;

#[Object]
impl KeysMutation {
    /// Has everything wrapped by the current key-encryption key that an earlier one wrapped.
    async fn rotate_keys(&self, context: &Context<'_>) -> async_graphql::Result<JobPayload> {
        JobPayload::from_result(vault::rotate_kek(context.data_unchecked::<Op>()).await, Job::from)
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
