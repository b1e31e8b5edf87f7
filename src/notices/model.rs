//! Words and rules of notices: pure, no database, no network.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::hours::Hours;

/// A closed list of words, as stored.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$item_doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$item_doc])* $variant),+ }

        impl $name {
            /// As stored.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// From what is stored.
            pub fn from_stored(text: &str) -> anyhow::Result<Self> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(anyhow::anyhow!(concat!("unknown ", stringify!($name), " in the database: {:?}"), text)),
                }
            }
        }
    };
}

pub(super) use words;

words!(
    /// Who is told.
    Audience {
        /// Every person whose exposure is confirmed or possible.
        Persons = "persons",
        /// Every tenant that has such people.
        Tenants = "tenants",
        /// Whoever was told by an earlier notice and is not on the list any more: "you were not concerned after all".
        Cleared = "cleared",
    }
);

words!(
    /// Where a notice stands.
    NoticeState {
        /// Written, sends nothing.
        Draft = "draft",
        /// Its messages exist and are being sent.
        Approved = "approved",
        /// Held up by an officer; what waits, waits.
        Paused = "paused",
        /// Every message has been accepted or has failed.
        Done = "done",
        /// Given up; what had not yet been sent never will be.
        Cancelled = "cancelled",
    }
);

words!(
    /// Where a message stands.
    MessageState {
        /// Waits for its first attempt.
        Queued = "queued",
        /// A worker has taken it.
        Sending = "sending",
        /// The server has taken responsibility for it (RFC 5321, 6.1).
        Accepted = "accepted",
        /// Waits for another attempt.
        Deferred = "deferred",
        /// Will not be tried again unless a person asks for it.
        Failed = "failed",
        /// Was accepted and came back, for a reason that may pass.
        BouncedSoft = "bounced_soft",
        /// Was accepted and came back: there is no such address.
        BouncedHard = "bounced_hard",
        /// Did not arrive, and the recipient was told by another way.
        ToldOtherwise = "told_otherwise",
    }
);

words!(
    /// Why a message waits or has failed. A closed list, because a server's own words may repeat the address.
    Reason {
        NoAddress = "no address known",
        NoTenantContact = "no contact address",
        BadAddress = "the address is not a mail address",
        NotRendered = "the text could not be made; see the log",
        Internal = "the service could not prepare it; see the log",
        NoConnection = "no connection to the mail server",
        ServerClosed = "the mail server does not let this service in",
        ConnectionLost = "the connection broke off",
        TooSlow = "the mail server did not answer in time",
        TemporarilyRefused = "refused for now",
        Refused = "refused",
        NotUnderstood = "the mail server's answer was not understood",
        Interrupted = "the service ended during each attempt",
        Ambiguous = "ambiguous: the server did not answer after the message",
        Cancelled = "the notice was cancelled",
        Revised = "the list was revised",
        LetterCameBack = "the letter came back",
        Suppressed = "the provider did not send it: the address is on its list of those that get nothing",
        Withheld = "the provider did not send it",
    }
);

words!(
    /// How a message travels.
    Channel {
        Mail = "mail",
    }
);

words!(
    /// In which language a message is written.
    Language {
        Ja = "ja",
        En = "en",
    }
);

/// What the author adds, by language and name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variables {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ja: Option<BTreeMap<String, String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub en: Option<BTreeMap<String, String>>,
}

impl Variables {
    /// The texts in a language, where the author gave them.
    pub fn of(&self, language: Language) -> Option<&BTreeMap<String, String>> {
        match language {
            Language::Ja => self.ja.as_ref(),
            Language::En => self.en.as_ref(),
        }
    }

    /// The same with `\n` at the end of each line, whatever the author's program writes.
    pub fn with_plain_line_ends(mut self) -> Self {
        for text in self.ja.iter_mut().chain(self.en.iter_mut()).flat_map(BTreeMap::values_mut) {
            *text = text.replace("\r\n", "\n");
        }
        self
    }

    /// Languages that the author has written.
    pub fn languages(&self) -> Vec<Language> {
        [Language::Ja, Language::En].into_iter().filter(|language| self.of(*language).is_some()).collect()
    }

    /// The language to write to somebody who wishes `wish`: that one, or the first that the author has written.
    pub fn choose(&self, wish: &str) -> Language {
        let wish = if wish == "en" || wish.starts_with("en-") { Language::En } else { Language::Ja };
        if self.of(wish).is_some() {
            return wish;
        }
        self.languages().first().copied().unwrap_or(wish)
    }
}

/// A notification campaign for one revision.
#[derive(Clone, Debug)]
pub struct Notice {
    pub tenant: Uuid,
    pub id: Uuid,
    pub incident: Uuid,
    pub revision: Uuid,
    pub audience: Audience,
    pub template: String,
    pub variables: Variables,
    pub state: NoticeState,
    pub author: Uuid,
    pub created_at: Timestamp,
    pub approved_by: Option<Uuid>,
    pub approved_at: Option<Timestamp>,
    pub delivery: Delivery,
    pub filter: Filter,
}

/// When a notice is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// Not before this instant.
    pub from: Option<Timestamp>,
    /// Only in these hours of the incident's zone.
    pub between: Option<Hours>,
}

/// Which of a list are told. What is empty leaves out nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// Short names of tenants.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tenants: Vec<String>,
    /// Kinds of people, by name of the record type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
    /// Only people whose exposure is confirmed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub confirmed_only: bool,
}

impl Filter {
    /// Whether it leaves nobody out.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a place on the list is meant.
    pub fn takes(&self, entry: &Affected) -> bool {
        (self.tenants.is_empty() || self.tenants.contains(&entry.tenant_slug))
            && (self.kinds.is_empty() || self.kinds.contains(&entry.kind))
            && (!self.confirmed_only || entry.confirmed)
    }
}

/// What a new notice needs.
#[derive(Clone, Debug)]
pub struct NewNotice {
    pub incident: Uuid,
    pub revision: Uuid,
    pub audience: Audience,
    pub template: String,
    pub variables: Variables,
    pub delivery: Delivery,
    pub filter: Filter,
}

/// One message to one recipient.
#[derive(Clone, Debug)]
pub struct Message {
    pub tenant: Uuid,
    pub id: Uuid,
    pub notice: Uuid,
    pub incident: Uuid,
    pub revision: Uuid,
    pub channel: Channel,
    pub recipient: String,
    pub recipient_tenant: Uuid,
    pub record_type: Option<String>,
    pub language: Language,
    pub message_id: String,
    pub state: MessageState,
    pub attempts: u32,
    pub next_attempt_at: Timestamp,
    pub lease_until: Option<Timestamp>,
    pub reply_code: Option<u16>,
    pub reason: Option<Reason>,
    pub created_at: Timestamp,
    pub accepted_at: Option<Timestamp>,
}

/// How many messages stand where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub queued: u64,
    pub sending: u64,
    pub accepted: u64,
    pub deferred: u64,
    pub failed: u64,
    pub bounced_soft: u64,
    pub bounced_hard: u64,
    pub told_otherwise: u64,
}

impl Counts {
    /// All messages of the notice.
    pub fn audience(&self) -> u64 {
        self.open() + self.accepted + self.not_reached() + self.told_otherwise
    }

    /// Those of which it is not known yet.
    pub fn open(&self) -> u64 {
        self.queued + self.sending + self.deferred
    }

    /// Those whom no way has reached.
    pub fn not_reached(&self) -> u64 {
        self.failed + self.bounced_soft + self.bounced_hard
    }

    /// Adds `count` messages of a state.
    pub fn add(&mut self, state: MessageState, count: u64) {
        *match state {
            MessageState::Queued => &mut self.queued,
            MessageState::Sending => &mut self.sending,
            MessageState::Accepted => &mut self.accepted,
            MessageState::Deferred => &mut self.deferred,
            MessageState::Failed => &mut self.failed,
            MessageState::BouncedSoft => &mut self.bounced_soft,
            MessageState::BouncedHard => &mut self.bounced_hard,
            MessageState::ToldOtherwise => &mut self.told_otherwise,
        } += count;
    }
}

/// One person at one tenant, of the affected list.
#[derive(Clone)]
pub struct Affected {
    pub tenant_slug: String,
    pub person: String,
    pub kind: String,
    pub tenant: Option<Uuid>,
    pub confirmed: bool,
}

const TENANT_PREFIX: &str = "tenant:";
const PERSON_PREFIX: &str = "person:";

/// The recipient key of a person: the pseudonym itself, marked where it looks like another kind of key.
pub fn person_recipient(pseudonym: &str) -> String {
    if pseudonym.starts_with(TENANT_PREFIX) || pseudonym.starts_with(PERSON_PREFIX) {
        format!("{PERSON_PREFIX}{pseudonym}")
    } else {
        pseudonym.to_owned()
    }
}

/// The pseudonym in a person's recipient key.
pub fn pseudonym_of(recipient: &str) -> &str {
    recipient.strip_prefix(PERSON_PREFIX).unwrap_or(recipient)
}

/// The recipient key of a tenant.
pub fn tenant_recipient(slug: &str) -> String {
    format!("{TENANT_PREFIX}{slug}")
}

/// The slug in a tenant's recipient key.
pub fn slug_of(recipient: &str) -> Option<&str> {
    recipient.strip_prefix(TENANT_PREFIX)
}

/// The Message-ID (RFC 5322, 3.6.4): the same for the same key, so that a repeat after the ambiguous second, when the
/// server had accepted and we could not yet write it down, is recognised as a repeat by every mail system on its way.
pub fn message_id(
    operator: Uuid,
    incident: Uuid,
    revision: Uuid,
    channel: Channel,
    recipient: &str,
    domain: &str,
) -> String {
    let digest = Sha256::new()
        .chain_update(b"suimon message id v1\x1f")
        .chain_update(operator.as_bytes())
        .chain_update(incident.as_bytes())
        .chain_update(revision.as_bytes())
        .chain_update(channel.as_str().as_bytes())
        .chain_update(b"\x1f")
        .chain_update(recipient.as_bytes())
        .finalize();
    format!("<{}@{domain}>", &hex::encode(digest)[..32])
}

/// How many seconds to wait before the attempt after number `attempts` (from 1): doubling from `first` up to `cap`, of which
/// the second half is drawn by chance (`draw`), so that what failed together does not come back together.
pub fn backoff(attempts: u32, first: u32, cap: u32, draw: u32) -> u32 {
    let doublings = attempts.saturating_sub(1).min(31);
    let whole = u64::from(first).saturating_mul(1 << doublings).min(u64::from(cap));
    let whole = u32::try_from(whole).unwrap_or(cap);
    let half = whole / 2;
    whole - half + draw % (half + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_cap_and_vary_by_half() {
        let range = |attempts| {
            (backoff(attempts, 60, 14_400, 0), {
                (0..20_000).map(|draw| backoff(attempts, 60, 14_400, draw)).max().unwrap()
            })
        };
        assert_eq!(range(1), (30, 60));
        assert_eq!(range(2), (60, 120));
        assert_eq!(range(8), (3840, 7680));
        assert_eq!(range(9), (7200, 14_400));
        assert_eq!(range(100), (7200, 14_400));
    }

    #[test]
    fn a_message_id_depends_on_each_part_of_the_key() {
        let id = |n: u128, recipient: &str| {
            message_id(
                Uuid::nil(),
                Uuid::from_u128(1),
                Uuid::from_u128(n),
                Channel::Mail,
                recipient,
                "example.org",
            )
        };
        assert_eq!(id(1, "p-1"), id(1, "p-1"));
        assert_ne!(id(1, "p-1"), id(2, "p-1"));
        assert_ne!(id(1, "p-1"), id(1, "p-2"));
        assert!(id(1, "p").ends_with("@example.org>"));
    }

    #[test]
    fn people_and_tenants_never_share_a_key() {
        assert_eq!(person_recipient("tenant:school-1"), "person:tenant:school-1");
        assert_eq!(slug_of(&person_recipient("tenant:school-1")), None);
        assert_eq!(pseudonym_of(&person_recipient("person:x")), "person:x");
        assert_eq!(pseudonym_of(&person_recipient("A-1")), "A-1");
    }
}
