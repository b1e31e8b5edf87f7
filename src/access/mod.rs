//! Access: who acts (identity), what they may do (casbin, one small enforcer a tenant), and the `Scope` without which
//! nothing can be read or written.

mod accounts;
mod actors;
mod decide;
mod denials;
mod fresh;
mod holders;
mod identity;
mod model;
mod oidc;
mod op;
mod password;
mod people;
mod policy;
mod proof;
mod readers;
mod rules;
mod second_factor;
mod sessions;
mod setup;
mod sign_in;
mod store;
mod store_actors;
mod store_identity;
mod store_oidc;
mod store_oidc_logout;
mod store_purge;
mod tenants;
mod tokens;
mod totp;
mod touches;
mod why;

pub use accounts::{
    Account, NewAccount, change_own_password, create_account, disable_account, list_accounts, set_password,
    set_roles,
};
pub use actors::{Actors, KnownActor, NamedActor, actors, known_actors};
pub use decide::{Decider, Known};
pub use denials::{Denial, DenialFilter, Denials, Undecided, list_denials, purge_denials};
pub use fresh::{SENSITIVE, every_scope};
pub use holders::Holders;
pub use identity::{
    Credentials, act_locally, authenticate, authenticate_again, authenticate_to_enrol, sign_out,
};
pub use model::{ActingSession, Action, Actor, Role, TokenScope};
#[cfg(fuzzing)]
pub use oidc::fuzzing::logout_token;
pub use oidc::{
    Begun, FLOW_SECONDS, Finished, Oidc, Purpose, ReturnFrom, begin, finish, link_identity,
    log_out_at_provider, take_return, unlink_identity,
};
pub use op::{Asking, Op, Reach, Scope, Tx};
pub use people::{WithAddress, lock_own_account, own_address, people_with, policy_changed, share_a_mailbox};
pub use policy::{
    Against, Attributes, Comparison, Condition, Effect, Explanation, Grant, MAX_ATTRIBUTES, Origin, Policies,
    Policy, Question, Rule, RuleSeen, Scalar, Standing, StandingAnswer, SystemRules, permission_table,
    role_set,
};
pub use readers::{Reader, purge_sessions, purge_tokens, readers};
pub use rules::{NewRule, SetRule, add_bound, add_rule, end_bound, end_rule, list_bounds, list_rules};
pub use second_factor::{
    Enrolled, Enrolment, SecondFactor, confirm_second_factor, enrol_second_factor, own_second_factor,
    remove_own_second_factor, remove_second_factor, renew_recovery_codes,
};
pub use sessions::{Session, SignedIn, own_sessions, re_authenticate, revoke_own_session};
pub use setup::{FirstAdmin, Initialised, NewOperator, initialise};
pub use sign_in::{SignInStep, sign_in, sign_in_with_code, unlock_locally};
pub use tenants::{
    NewTenant, Tenant, TenantDirectory, create_tenants, list_tenants, tenant_by_id, tenant_by_slug,
};
pub use tokens::{
    ApiToken, IssuedToken, calendar_feed, issue_token, issue_token_for, list_tokens, reader_of_calendar,
    renew_calendar_feed, revoke_calendar_feed, revoke_token,
};
pub use why::{holders_of, operator_policy, policy_of, token_of};
