//! How a system knows whose request it is, and by what it tells so: what the guard needs to keep people and tenants apart.

use http::HeaderName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::decode::{Object, Report};
use super::enforcement::Mode;
use super::limits;
use super::tree::Node;
use super::values::{name, parsed, text, truth, word};

/// Most cookies that carry a session, and patterns of paths with a tenant.
const MOST: usize = 7;
const PATTERNS: usize = 32;

/// Sessions of a system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sessions {
    /// Names of the cookies that carry a session, in the order in which the system looks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cookies: Vec<String>,
    /// Whether `Authorization: Bearer …` carries one, too.
    #[serde(default)]
    pub bearer: bool,
    /// Field of the system's answers that names the person. It never leaves the guard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject_header: Option<String>,
    /// The same for the person's tenant, under the name that the tenant has in paths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_header: Option<String>,
    /// Paths with a tenant in them, such as `/t/{tenant}/**`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tenant_paths: Vec<String>,
    /// Names of routes on which another person may sign in with the same browser; without them any request that changes something.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sign_in: Vec<String>,
    /// How strictly it is kept; without it: enforced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
}

pub(super) fn sessions(node: &Node, path: &str, report: &mut Report) -> Option<Sessions> {
    let known = ["cookies", "bearer", "subjectHeader", "tenantHeader", "tenantPaths", "signIn", "mode"];
    let mut object = Object::open(node, path, report, &known)?;
    let cookies = object.list("cookies", MOST, text(limits::LINE));
    let bearer = object.optional("bearer", truth).unwrap_or_default();
    let subject_header = object.optional("subjectHeader", header);
    let tenant_header = object.optional("tenantHeader", header);
    let tenant_paths = object.list("tenantPaths", PATTERNS, text(limits::LINE));
    let sign_in = object.list("signIn", limits::ITEMS, name);
    let mode = object.optional("mode", word("a mode"));
    if cookies.is_empty() && !bearer {
        object.report.at(path, "nothing carries a session", "add `cookies: [NAME]` or `bearer: true`");
    }
    if !tenant_paths.is_empty() && tenant_header.is_none() {
        let at = object.path("tenantPaths");
        let message =
            "a tenant in a path is compared with the session's, and no `tenantHeader` says which that is";
        object.report.at(&at, message, "add `tenantHeader`");
    }
    Some(Sessions { cookies, bearer, subject_header, tenant_header, tenant_paths, sign_in, mode })
}

fn header(node: &Node, path: &str, report: &mut Report) -> Option<String> {
    let parse = |text: &str| {
        HeaderName::try_from(text).map(|name| name.as_str().to_owned()).map_err(|_| "is not a field's name")
    };
    parsed(limits::LINE, parse, |_, _| "write it like `x-portal-subject`".to_owned())(node, path, report)
}
