//! Lists from this service's own record of reads.

use async_graphql::{ID, InputObject, SimpleObject};

use crate::access::NamedActor;
use crate::error::Result;
use crate::graphql::id;
use crate::graphql::scalars::Instant;
use crate::incidents::affected::NewEnforcementList;
use crate::incidents::affected::model::{ChainRead, JudgedBy, LeftOut, RecordOfReads};

/// What is asked of the record of reads.
#[derive(InputObject)]
pub struct CreateRevisionFromEnforcementLogInput {
    pub(super) incident_id: ID,
    /// Why this list is made; stands in the record.
    reason: String,
    /// The first instant that counts.
    from: Instant,
    /// The last instant that counts, at least a minute ago.
    to: Instant,
    /// Only what these read, by their tokens too; everybody, where no account and no token is named.
    #[graphql(default)]
    account_ids: Vec<ID>,
    /// Accounts by login.
    #[graphql(default)]
    logins: Vec<String>,
    /// What these tokens read.
    #[graphql(default)]
    token_ids: Vec<ID>,
    /// Only what was read for one of these purposes, as it was stated.
    #[graphql(default)]
    purposes: Vec<String>,
    /// Only people of these record types.
    #[graphql(default)]
    record_types: Vec<String>,
    /// Only what today's policy refuses: a rule was too wide for a while.
    #[graphql(default)]
    now_denied: bool,
}

impl CreateRevisionFromEnforcementLogInput {
    pub(super) fn list(self) -> Result<NewEnforcementList> {
        let Self {
            incident_id: _,
            reason,
            from,
            to,
            account_ids,
            logins,
            token_ids,
            purposes,
            record_types,
            now_denied,
        } = self;
        let mut actors = Vec::new();
        for account in account_ids {
            actors.push(NamedActor::Account(id::decode("Account", &account, "accountIds")?.1));
        }
        actors.extend(logins.into_iter().map(NamedActor::Login));
        for token in token_ids {
            actors.push(NamedActor::Token(id::decode("ApiToken", &token, "tokenIds")?.1));
        }
        Ok(NewEnforcementList { reason, from: from.0, to: to.0, actors, purposes, record_types, now_denied })
    }
}

/// A chain of the audit log, as far as it lies in the time of the question.
#[derive(SimpleObject)]
pub struct AuditChainRead {
    /// `audit:` and the short name of the tenant.
    name: String,
    /// Number of the first entry of the time.
    from: Option<i64>,
    /// Number of the last one.
    to: Option<i64>,
    /// Hash of the last one, over it and all before it.
    hash: String,
    /// Entries of the time.
    entries: u64,
    /// Those that put somebody on the list.
    used: u64,
    /// What is wrong with the chain; empty when it was verified.
    faults: Vec<String>,
    /// Files that may hold entries of the time, which were trimmed away and not read.
    archives: Vec<String>,
}

impl From<ChainRead> for AuditChainRead {
    fn from(chain: ChainRead) -> Self {
        let ChainRead { name, from, to, hash, entries, used, faults, archives } = chain;
        Self { name, from, to, hash, entries, used, faults, archives }
    }
}

/// Entries of the time that put nobody on the list.
#[derive(SimpleObject)]
pub struct ReadsLeftOut {
    /// Reads that were refused: they showed nothing.
    refused: u64,
    /// Reads by the service itself, which wrote to the people.
    by_the_service: u64,
    /// Lists of pseudonyms, without a field of anybody.
    lists: u64,
    /// Reads that today's policy allows, too.
    allowed_now: u64,
    /// Reads that name nobody.
    without_person: u64,
    /// Reads by tokens of which nobody knows any more whose they were, where the question names accounts: they may have been theirs.
    by_unknown_tokens: u64,
    /// Not left out: people who are on the list under the id of their record, because there is no pseudonym that a list may have.
    by_record_id: u64,
}

/// The version of a tenant's policy.
#[derive(SimpleObject)]
pub struct PolicyAsked {
    /// Short name.
    tenant: String,
    version: i64,
}

/// Policies by which reads were asked about again.
#[derive(SimpleObject)]
pub struct ReadsJudgedBy {
    /// Fingerprint of the system's access requirements in force.
    requirements: String,
    /// Of the tenants whose people read.
    policies: Vec<PolicyAsked>,
}

/// What a list from the record of reads rests on.
#[derive(SimpleObject)]
pub struct ReadsBasis {
    system: String,
    /// Chains with entries of the time, and those that are damaged or were trimmed into it.
    chains: Vec<AuditChainRead>,
    /// All other chains: they are whole, and nothing was done there in the time.
    quiet_chains: u64,
    /// Accounts and tokens that read something of this list.
    actors: u64,
    /// People of whom something was shown in clear, each once.
    plaintext: u64,
    /// The others: of them nothing but shortened values was shown.
    masked_only: u64,
    left_out: ReadsLeftOut,
    /// Null where all reads were asked for.
    judged_by: Option<ReadsJudgedBy>,
    /// SHA-256 over the people in order: the same question gives the same.
    people_digest: String,
}

impl From<RecordOfReads> for ReadsBasis {
    fn from(basis: RecordOfReads) -> Self {
        let RecordOfReads {
            system,
            chains,
            quiet_chains,
            actors,
            plaintext,
            masked_only,
            left_out,
            judged_by,
            people_digest,
        } = basis;
        let LeftOut {
            refused,
            by_the_service,
            lists,
            allowed_now,
            without_person,
            by_unknown_tokens,
            by_record_id,
        } = left_out;
        let policy = |(tenant, version)| PolicyAsked { tenant, version };
        let judged = |JudgedBy { requirements, policies }: JudgedBy| ReadsJudgedBy {
            requirements,
            policies: policies.into_iter().map(policy).collect(),
        };
        Self {
            system,
            chains: chains.into_iter().map(Into::into).collect(),
            quiet_chains,
            actors,
            plaintext,
            masked_only,
            left_out: ReadsLeftOut {
                refused,
                by_the_service,
                lists,
                allowed_now,
                without_person,
                by_unknown_tokens,
                by_record_id,
            },
            judged_by: judged_by.map(judged),
            people_digest,
        }
    }
}
