//! The pages of those who are told: an affected person's, and a tenant's with the list of its people.
//!
//! A mail carries a signed link ([`link`]). The link alone shows nothing about anybody: it lets its holder ask for a one-time code,
//! which goes to the address that the mail went to ([`code`]). Who types it in proves to read that mailbox and is a [`Guest`] for half
//! an hour, of this one message; everything that is shown or taken goes through a guest. Of a link that is forged, over, or withdrawn
//! nobody learns which of these it is.
//!
//! What is shown comes from the list in force, not from the one that the mail was about: whoever is off the list hears so.

mod acts;
mod address;
mod code;
mod door;
mod gift;
mod link;
mod person;
mod question;
mod store;
mod store_gifts;
mod tenant;

pub use acts::{Act, ActCount, ActKind, Acts, act_counts, acts_of};
pub(super) use code::messages_of_codes;
pub use code::{CODE, Entered, Requested, enter, request_code, send_code};
pub use door::{Guest, Visit, guest, leave, visit};
pub(super) use gift::has_old_gifts;
pub use gift::{GiftCounts, MovedGifts, Offer, gift_counts, import_gifts, move_gifts, take_gift};
pub use link::{Side, link, sample};
pub use person::{PersonPage, Standing, Viewers, operator_name, person_page};
pub(super) use question::about as asked_about;
pub use question::{Asked, ask, most_a_day};
pub use tenant::{Download, Listed, TenantPage, Word, download, say, tenant_page};

use uuid::Uuid;

use super::model::Audience;
use crate::access::Tx;
use crate::error::Result;
use crate::incidents;

/// Whose page mails to an audience lead to; a correction has none: the page of the first mail says the same.
pub(super) fn side_of(audience: Audience) -> Option<Side> {
    match audience {
        Audience::Persons => Some(Side::Person),
        Audience::Tenants => Some(Side::Tenant),
        Audience::Cleared => None,
    }
}

/// Takes away what the pages of these messages keep about their recipient: codes, sessions, and the words of questions. Gives the
/// Message-IDs of the mails that carried codes.
///
/// # Errors
/// Unexpected ones only.
pub(super) async fn forget(tx: &Tx, messages: &[Uuid]) -> Result<Vec<String>> {
    let root = tx.scope().op().app().root()?;
    let codes = store::forget(tx, root, messages).await?;
    incidents::forget_questions(tx, messages).await?;
    let app = tx.scope().op().app();
    Ok(codes.into_iter().map(|id| code::mail_id(app, id)).collect())
}

/// Removes codes and sessions that ended before `before` (microseconds): at most `limit` of each.
///
/// # Errors
/// Unexpected ones only.
pub async fn purge(tx: &Tx, before: i64, limit: u64) -> Result<u64> {
    Ok(store::purge(tx, before, limit).await?)
}
