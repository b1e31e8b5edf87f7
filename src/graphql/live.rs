//! Subscriptions: what is watched is asked for again and again, each time with what the one who watches may do by then.
//!
//! Events come from the database and not from a channel inside the process, so they are the same on every node.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::Context;
use futures::{Stream, stream};

use crate::access::{self, Credentials, Op};
use crate::app::App;
use crate::error::Result;

/// How often is looked. A person watches: more often would show nothing more.
const INTERVAL: Duration = Duration::from_secs(1);

/// Who watches, as the request brought it.
pub struct Watcher {
    pub app: Arc<App>,
    pub credentials: Credentials,
    pub request_id: String,
}

impl Watcher {
    async fn op(&self) -> Result<Op> {
        access::authenticate_again(&self.app, &self.credentials, &self.request_id).await
    }
}

/// The answers of `ask`, as far as each differs from the one before, until one is the last. Who watches is recognised and asked
/// for permission before each; the first refusal is told and ends it.
pub fn watch<T, A, F>(
    context: &Context<'_>,
    ask: A,
    is_last: fn(&T) -> bool,
) -> impl Stream<Item = async_graphql::Result<T>> + Send + use<T, A, F>
where
    A: Fn(Op) -> F + Send + Sync + 'static,
    T: PartialEq + Clone + Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    let watcher = context.data_unchecked::<Arc<Watcher>>().clone();
    let ask = Arc::new(ask);
    stream::unfold(Some(None), move |shown: Option<Option<T>>| {
        let (watcher, ask) = (watcher.clone(), ask.clone());
        async move {
            let shown = shown?;
            loop {
                let now = match watcher.op().await {
                    Ok(op) => ask(op).await,
                    Err(error) => Err(error),
                };
                match now {
                    Err(error) => return Some((Err(error.into()), None)),
                    Ok(now) if shown.as_ref() == Some(&now) => tokio::time::sleep(INTERVAL).await,
                    Ok(now) => {
                        let next = (!is_last(&now)).then(|| Some(now.clone()));
                        return Some((Ok(now), next));
                    }
                }
            }
        }
    })
}
