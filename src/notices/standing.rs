//! Whether a message may still go, asked just before its attempt. Several ask at about the same time, and are answered together by a
//! query that began after each of them asked: what a pause or a new list says is never older than the question.

use std::collections::HashMap;
use std::sync::Arc;

use futures::FutureExt;
use uuid::Uuid;

use super::model::{Message, NoticeState};
use super::store_outcomes::{self, Taken};
use super::{store, worker};
use crate::app::App;
use crate::error::Result;
use crate::loader::Loader;

/// How a notice stands.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    pub state: NoticeState,
    /// The list in force for its incident.
    pub in_force: Option<Uuid>,
}

/// Answers for one worker.
pub struct Standings {
    notices: Loader<(Uuid, Uuid), Standing>,
    taken: Loader<Uuid, Taken>,
}

impl Standings {
    /// Starts answering.
    pub fn start(app: &Arc<App>) -> Self {
        let (first, second) = (app.clone(), app.clone());
        Self {
            notices: Loader::start(move |keys| ask(first.clone(), keys).boxed()),
            taken: Loader::start(move |ids| ask_who(second.clone(), ids).boxed()),
        }
    }

    /// How the notice of a message stands; `None` when there is none.
    ///
    /// # Errors
    /// Unexpected ones only.
    pub async fn of(&self, message: &Message) -> Result<Option<Standing>> {
        self.notices.load((message.notice, message.incident)).await
    }

    /// Whether a message is still this worker's, as it took it. A lease that has time left says nothing of what others have written down
    /// since: that the server accepted it after all, or that it was taken once more.
    ///
    /// # Errors
    /// Unexpected ones only.
    pub async fn is_taken(&self, message: &Message, owner: Uuid) -> Result<bool> {
        let taken = self.taken.load(message.id).await?;
        Ok(taken.is_some_and(|taken| taken.owner == owner && taken.attempts == message.attempts))
    }
}

async fn ask_who(app: Arc<App>, ids: Vec<Uuid>) -> Result<HashMap<Uuid, Taken>> {
    store_outcomes::taken(&worker::scope(&app)?, &ids).await
}

async fn ask(app: Arc<App>, keys: Vec<(Uuid, Uuid)>) -> Result<HashMap<(Uuid, Uuid), Standing>> {
    let scope = worker::scope(&app)?;
    let mut found = HashMap::new();
    // Notices that are sent at the same time are few, and keys are repeated to fill up.
    for (notice, incident) in keys {
        if found.contains_key(&(notice, incident)) {
            continue;
        }
        let Some(known) = store::notice(scope.connection(), scope.tenant(), notice).await? else { continue };
        let in_force = store::approved_revision(scope.connection(), scope.tenant(), incident).await?;
        found.insert((notice, incident), Standing { state: known.state, in_force });
    }
    Ok(found)
}
