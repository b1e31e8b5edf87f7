//! Access: who acts (identity), what they may do (casbin, one small enforcer a tenant), and the `Scope` without which
//! nothing can be read or written.

mod accounts;
mod decide;
mod holders;
mod identity;
mod model;
mod op;
mod password;
mod policy;
mod setup;
mod sign_in;
mod store;
mod tenants;
mod tokens;

pub use accounts::{
    Account, NewAccount, create_account, disable_account, list_accounts, set_password, set_roles,
};
pub use decide::{Decider, Known};
pub use holders::Holders;
pub use identity::{Credentials, act_locally, authenticate, sign_out};
pub use model::{Action, Actor, Role, TokenScope};
pub use op::{Op, Reach, Scope, Tx};
pub use policy::{
    Against, Attributes, Comparison, Condition, Effect, Explanation, MAX_ATTRIBUTES, Origin, Policies,
    Policy, Question, Rule, RuleSeen, Scalar, SystemRules, permission_table, role_set,
};
pub use setup::{FirstAdmin, Initialised, NewOperator, initialise};
pub use sign_in::{SignedIn, sign_in, unlock_locally};
pub use tenants::{
    NewTenant, Tenant, TenantDirectory, create_tenants, list_tenants, tenant_by_id, tenant_by_slug,
};
pub use tokens::{ApiToken, IssuedToken, issue_token, issue_token_for, list_tokens, revoke_token};
