//! Roles, actions and actors.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    Read,
    ReadMasked,
    Search,
    Create,
    Update,
    Delete,
    Erase,
    Approve,
    Cancel,
    Plan,
    Apply,
    Rotate,
    Verify,
    Export,
    /// Asks what somebody else may do (AuthZEN).
    Decide,
}

impl Action {
    /// Every action, for the table of permissions.
    pub const ALL: [Action; 15] = [
        Action::Read,
        Action::ReadMasked,
        Action::Search,
        Action::Create,
        Action::Update,
        Action::Delete,
        Action::Erase,
        Action::Approve,
        Action::Cancel,
        Action::Plan,
        Action::Apply,
        Action::Rotate,
        Action::Verify,
        Action::Export,
        Action::Decide,
    ];

    /// The verb as policies write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Action::Read => "read",
            Action::ReadMasked => "read_masked",
            Action::Search => "search",
            Action::Create => "create",
            Action::Update => "update",
            Action::Delete => "delete",
            Action::Erase => "erase",
            Action::Approve => "approve",
            Action::Cancel => "cancel",
            Action::Plan => "plan",
            Action::Apply => "apply",
            Action::Rotate => "rotate",
            Action::Verify => "verify",
            Action::Export => "export",
            Action::Decide => "decide",
        }
    }
}

/// A role template of `policies/access/roles.csv`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    OperatorAdmin,
    ComplianceOfficer,
    Approver,
    TenantAdmin,
    TenantStaff,
    CallCentre,
    Auditor,
    Service,
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 8] = [
        Role::OperatorAdmin,
        Role::ComplianceOfficer,
        Role::Approver,
        Role::TenantAdmin,
        Role::TenantStaff,
        Role::CallCentre,
        Role::Auditor,
        Role::Service,
    ];

    /// The name as policies write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::OperatorAdmin => "operator_admin",
            Role::ComplianceOfficer => "compliance_officer",
            Role::Approver => "approver",
            Role::TenantAdmin => "tenant_admin",
            Role::TenantStaff => "tenant_staff",
            Role::CallCentre => "call_centre",
            Role::Auditor => "auditor",
            Role::Service => "service",
        }
    }

    /// Whether an account of a customer may hold the role.
    pub fn may_be_customers(self) -> bool {
        matches!(self, Role::TenantAdmin | Role::TenantStaff | Role::Service)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Role::ALL.into_iter().find(|role| role.as_str() == text).ok_or_else(|| {
            format!("{text} is not a role; roles are {}", Role::ALL.map(Role::as_str).join(", "))
        })
    }
}

/// One permission that a token is limited to: `action:object`, each of which may end in `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenScope {
    action: String,
    object: String,
}

impl TokenScope {
    /// Whether this entry covers the request.
    pub fn covers(&self, action: Action, object: &str) -> bool {
        self.covers_verb(action.as_str(), object)
    }

    /// The same for a verb that may be a system's own.
    pub fn covers_verb(&self, action: &str, object: &str) -> bool {
        matches(&self.action, action) && matches(&self.object, object)
    }
}

impl TokenScope {
    /// Whether this entry covers the request and names the object, at least by its beginning: `*` alone names nothing.
    pub fn names(&self, action: Action, object: &str) -> bool {
        self.object != "*" && self.covers(action, object)
    }

    /// The object, where it is one and not a pattern.
    pub fn plain_object(&self) -> Option<&str> {
        (!self.object.ends_with('*')).then_some(&self.object)
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => text.starts_with(start),
        None => pattern == text,
    }
}

impl fmt::Display for TokenScope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.action, self.object)
    }
}

impl FromStr for TokenScope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let well_formed = |part: &str| {
            !part.is_empty()
                && part.len() <= 100
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._*".contains(&byte))
        };
        match text.split_once(':') {
            Some((action, object)) if well_formed(action) && well_formed(object) => {
                Ok(Self { action: action.to_owned(), object: object.to_owned() })
            }
            _ => Err(format!(
                "{text:?} is not a token scope; write action:object, such as create:finding or read:data.*"
            )),
        }
    }
}

impl Actor {
    /// Whether the actor came with a token that is not limited (`*:*`), as a person gives to a tool of one's own.
    pub fn unlimited_token(&self) -> bool {
        self.token_scopes
            .as_ref()
            .is_some_and(|scopes| scopes.iter().any(|scope| scope.action == "*" && scope.object == "*"))
    }
}

/// Who acts: an account, or the service itself.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The account; `None` for work that the service does by itself.
    pub account: Option<Uuid>,
    /// The tenant that the account belongs to.
    pub tenant: Uuid,
    /// Whether that tenant is the operator.
    pub operator: bool,
    /// For the audit log: `account:<id>`, `token:<id>` or `system:<reason>`.
    pub label: Cow<'static, str>,
    /// What the token is limited to; `None` for a signed-in person.
    pub token_scopes: Option<Vec<TokenScope>>,
    /// The session of a signed-in person; `None` for tokens, the command line and the service.
    pub session: Option<ActingSession>,
    /// Version of the tenant's policy at the time of authentication.
    pub policy_version: i64,
}

/// The session that a request came with.
#[derive(Clone, Debug)]
pub struct ActingSession {
    pub id: Uuid,
    /// When its owner last proved who they are, in microseconds.
    pub authenticated_at: i64,
    /// How, names separated by blanks.
    pub methods: String,
}
