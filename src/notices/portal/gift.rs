//! Gift codes: compensation that a concerned person takes on the own page. Kept sealed, given once, and counted so that the sum is right.

use std::collections::{HashMap, HashSet};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::door::{Guest, Visit};
use super::link::Side;
use super::person::{Standing, standing_of};
use super::store_gifts::{self as rows, Gift};
use crate::access::{Action, Op, Scope, Tx};
use crate::audit::{Decision, Event};
use crate::error::{Error, Result};
use crate::incidents::permit;
use crate::notices::store;
use crate::vault;

/// What codes are sealed for.
const PURPOSE: &str = "gift_code";
/// What tells the same code again.
const KEY: &str = "suimon gift code v1";
/// Codes of one import.
const MOST: usize = 500_000;
/// Longest code, in characters.
const LONGEST: usize = 200;
/// Codes whose key is wrapped anew at once.
const MOVED: u64 = 500;

/// How many codes there are: `imported = given + left`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GiftCounts {
    pub imported: u64,
    pub given: u64,
}

impl GiftCounts {
    /// Those that nobody has.
    pub fn left(self) -> u64 {
        self.imported.saturating_sub(self.given)
    }
}

/// What a person's page offers.
pub enum Offer {
    /// Nothing: there are no codes, or the person is not concerned.
    None,
    /// One can be taken.
    Open,
    /// The one that was taken.
    Given(Zeroizing<String>),
}

/// Keeps gift codes for an incident, one a line: all of them or none. Blank lines are passed over.
///
/// # Errors
/// `INVALID` naming the line of a code that is unusable, or there before; `LIMIT_EXCEEDED`, `NOT_FOUND` and those of permission.
pub async fn import_gifts(op: &Op, tenant: Uuid, incident: Uuid, text: &str) -> Result<GiftCounts> {
    let scope = permit(op, Action::Create, "notice", "incident").await?.within(tenant, "incident")?;
    let codes = read(&scope, incident, text)?;
    let tx = scope.begin().await?;
    store::incident(tx.connection(), &scope, incident).await?.ok_or_else(|| Error::not_found("incident"))?;
    let digests: Vec<Vec<u8>> = codes.iter().map(|code| code.digest.clone()).collect();
    let known: HashSet<Vec<u8>> = rows::known(&tx, incident, &digests).await?.into_iter().collect();
    if let Some(Code { line, .. }) = codes.iter().find(|code| known.contains(&code.digest)) {
        return Err(Error::invalid("file", format!("line {line}: this incident has this code already"))
            .remedy("take out the codes that were imported before; nothing was kept"));
    }
    let mut gifts = Vec::with_capacity(codes.len());
    for Code { digest, text, .. } in codes {
        let id = scope.new_id();
        let sealed = vault::seal_for_tenant(&scope, &tx, PURPOSE, id, text.as_bytes()).await?;
        gifts.push(Gift {
            tenant_id: tenant,
            id,
            incident_id: incident,
            digest,
            sealed,
            imported_at: scope.at_micros(),
            person: None,
            message_id: None,
            given_at: None,
        });
    }
    let number = gifts.len();
    // Not before all are sealed: approvals, questions and what comes back wait for the incident. Of two imports at once the database
    // refuses the second one's doubled codes.
    store::lock_incident(tx.connection(), tenant, incident).await?;
    rows::insert(&tx, gifts).await?;
    let (imported, given) = rows::counts(tx.connection(), tenant, incident).await?;
    let event = Event::new("gift.import", format!("incident:{incident}"));
    tx.commit(event.detail(json!({ "codes": number }))).await?;
    Ok(GiftCounts { imported, given })
}

struct Code<'t> {
    line: usize,
    text: &'t str,
    digest: Vec<u8>,
}

/// Checks a file whole before anything of it is kept. What is wrong names the line, never the code.
fn read<'t>(scope: &Scope, incident: Uuid, text: &'t str) -> Result<Vec<Code<'t>>> {
    let key = scope.op().app().master().derive(KEY);
    let mut codes: Vec<Code<'t>> = Vec::new();
    let mut seen: HashMap<Vec<u8>, usize> = HashMap::new();
    for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let (line, text) = (index + 1, line.trim());
        if text.is_empty() {
            continue;
        }
        if text.chars().count() > LONGEST || text.chars().any(char::is_control) {
            return Err(Error::invalid(
                "file",
                format!("line {line}: no code of 1 to {LONGEST} plain characters"),
            )
            .remedy("put one code on each line; nothing was kept"));
        }
        if codes.len() == MOST {
            return Err(Error::limit(format!("line {line}: at most {MOST} codes a file"))
                .remedy("import several files; nothing was kept"));
        }
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&*key).unwrap_or_else(|_| unreachable!());
        mac.update(incident.as_bytes());
        mac.update(text.as_bytes());
        let digest = mac.finalize().into_bytes().to_vec();
        if let Some(first) = seen.insert(digest.clone(), line) {
            return Err(Error::invalid("file", format!("line {line}: the same code as line {first}"))
                .remedy("take one of them out; nothing was kept"));
        }
        codes.push(Code { line, text, digest });
    }
    if codes.is_empty() {
        return Err(Error::invalid("file", "has no codes").remedy("put one code on each line"));
    }
    Ok(codes)
}

/// How many codes of an incident there are and how many are given.
///
/// # Errors
/// Those of permission.
pub async fn gift_counts(op: &Op, tenant: Uuid, incident: Uuid) -> Result<GiftCounts> {
    let scope = permit(op, Action::Read, "notice", "incident").await?.within(tenant, "incident")?;
    let (imported, given) = rows::counts(scope.connection(), tenant, incident).await?;
    Ok(GiftCounts { imported, given })
}

/// What the page of a person offers. A code that was taken is shown again, and that is recorded.
pub(super) async fn offer(visit: &Visit, standing: Standing) -> Result<Offer> {
    let (scope, incident) = (&visit.scope, visit.message.incident);
    let person = visit.message.recipient.as_str();
    if let Some(gift) = rows::given(scope.connection(), scope.tenant(), incident, person).await? {
        visit.record(visit.event("portal.gift_shown")).await?;
        return Ok(Offer::Given(open(visit, &gift).await?));
    }
    let concerned = matches!(standing, Standing::Confirmed | Standing::Possible);
    Ok(if concerned && rows::any_left(scope, incident).await? { Offer::Open } else { Offer::None })
}

async fn open(visit: &Visit, gift: &Gift) -> Result<Zeroizing<String>> {
    let own = visit.scope.within(gift.tenant_id, "gift")?;
    let bytes = vault::open_for_tenant(&own, PURPOSE, gift.id, &gift.sealed).await?;
    let text =
        std::str::from_utf8(&bytes).map_err(|_| anyhow::anyhow!("gift code {} is no text", gift.id))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// Takes a code: one for each person and incident, however often and on whichever page it is asked for.
///
/// # Errors
/// `CONFLICT` when none is left, or the person is not concerned; unexpected ones.
pub async fn take_gift(guest: &Guest) -> Result<()> {
    let Guest(visit) = guest;
    let (scope, incident) = (&visit.scope, visit.message.incident);
    let person = visit.message.recipient.as_str();
    let standing = standing_of(visit).await?;
    let tx = scope.begin().await?;
    // Of two who ask at once for the same person, the second finds what the first was given.
    store::lock_incident(tx.connection(), scope.tenant(), incident).await?;
    if rows::given(tx.connection(), scope.tenant(), incident, person).await?.is_some() {
        return Ok(());
    }
    let concerned =
        visit.side == Side::Person && matches!(standing, Standing::Confirmed | Standing::Possible);
    let given = if concerned { rows::give(&tx, incident, person, visit.message.id).await? } else { None };
    let Some(gift) = given else {
        let event = visit.event("portal.gift").decision(Decision::Denied);
        tx.commit(event.detail(json!({ "why": if concerned { "none left" } else { "not concerned" } })))
            .await?;
        return Err(Error::conflict("there is no code to take"));
    };
    tx.commit(visit.event("portal.gift").detail(json!({ "gift": gift.id }))).await
}

/// Codes with their keys wrapped by another version of the tenant's key.
pub struct MovedGifts(Vec<(Gift, Vec<u8>)>);

/// The next codes that another version of a tenant's key sealed, as they shall be.
///
/// # Errors
/// `NOT_FOUND` outside the scope; unexpected ones.
pub async fn move_gifts(scope: &Scope, tenant: Uuid, to: i32) -> Result<MovedGifts> {
    let scope = scope.within(tenant, "tenant")?;
    let mut moved = Vec::new();
    for gift in rows::of_old_keys(scope.connection(), tenant, to, MOVED).await? {
        let sealed = vault::rewrap_document(&scope, "gift code", gift.id, &gift.sealed, to).await?;
        moved.push((gift, sealed));
    }
    Ok(MovedGifts(moved))
}

/// Whether there are such codes.
pub(in crate::notices) async fn has_old_gifts(tx: &Tx, tenant: Uuid, version: i32) -> Result<bool> {
    Ok(!rows::of_old_keys(tx.connection(), tenant, version, 1).await?.is_empty())
}

impl MovedGifts {
    /// Whether there was none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Writes them; returns how many.
    ///
    /// # Errors
    /// Unexpected ones only.
    pub async fn write(self, tx: &Tx) -> Result<u64> {
        let number = self.0.len() as u64;
        for (gift, sealed) in self.0 {
            rows::reseal(tx, &gift, sealed).await?;
        }
        Ok(number)
    }
}
