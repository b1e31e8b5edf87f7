//! What recipients did on their pages, for the operator to see.

use jiff::Timestamp;
use uuid::Uuid;

use super::store;
use crate::access::{Action, Op, Tx};
use crate::clock::from_micros;
use crate::error::Result;
use crate::incidents::permit;
use crate::notices::model::{Message, Notice, words};

/// Most acts of one message that are shown.
const LISTED: u64 = 200;

words!(
    /// What a recipient did.
    ActKind {
        /// Opened the page with a code.
        Opened = "opened",
        /// Asked a question.
        Asked = "asked",
        /// Downloaded the list.
        Downloaded = "downloaded",
        /// Confirmed the list.
        Confirmed = "confirmed",
        /// Said what of the list is wrong.
        Corrected = "corrected",
        /// Takes over telling its own people.
        TakenOver = "taken_over",
    }
);

/// One thing that a recipient did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Act {
    /// Of a download: the number that stands in its file.
    pub id: Uuid,
    pub kind: ActKind,
    pub at: Timestamp,
    /// The inquiry of a question or a correction; the list that was downloaded, confirmed or taken over.
    pub reference: Option<Uuid>,
}

/// What a recipient did, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acts(pub Vec<Act>);

impl Acts {
    /// When something was first done.
    pub fn first(&self, kind: ActKind) -> Option<Timestamp> {
        self.0.iter().find(|act| act.kind == kind).map(|act| act.at)
    }

    /// When something was last done.
    pub fn last(&self, kind: ActKind) -> Option<Timestamp> {
        self.0.iter().rev().find(|act| act.kind == kind).map(|act| act.at)
    }
}

/// Writes down an act in the transaction of what was done; gives its id.
pub(super) async fn record(tx: &Tx, message: Uuid, kind: ActKind, reference: Option<Uuid>) -> Result<Uuid> {
    let id = tx.scope().new_id();
    store::insert_act(tx, id, message, kind.as_str(), reference).await?;
    Ok(id)
}

pub(super) async fn of(scope: &crate::access::Scope, message: Uuid) -> Result<Acts> {
    let rows = store::acts(scope, message, LISTED).await?;
    let act = |row: store::ActRow| -> Result<Act> {
        let store::ActRow { tenant_id: _, id, message_id: _, kind, at, reference } = row;
        Ok(Act { id, kind: ActKind::from_stored(&kind)?, at: from_micros(at), reference })
    };
    Ok(Acts(rows.into_iter().map(act).collect::<Result<_>>()?))
}

/// What the recipient of a message did on its page, the newest 200.
///
/// # Errors
/// Those of permission.
pub async fn acts_of(op: &Op, message: &Message) -> Result<Acts> {
    let scope = permit(op, Action::Read, "message", "message").await?.within(message.tenant, "message")?;
    of(&scope, message.id).await
}

/// How many recipients of a notice did something on their pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActCount {
    pub kind: ActKind,
    pub recipients: u64,
    /// When somebody last did.
    pub last: Timestamp,
}

/// What the recipients of a notice did on their pages, each kind that anybody did.
///
/// # Errors
/// Those of permission.
pub async fn act_counts(op: &Op, notice: &Notice) -> Result<Vec<ActCount>> {
    let scope = permit(op, Action::Read, "message", "notice").await?.within(notice.tenant, "notice")?;
    let rows = store::acts_by_kind(&scope, notice.id).await?;
    rows.into_iter()
        .map(|(kind, recipients, last)| {
            let recipients = u64::try_from(recipients).unwrap_or_default();
            Ok(ActCount { kind: ActKind::from_stored(&kind)?, recipients, last: from_micros(last) })
        })
        .collect()
}
