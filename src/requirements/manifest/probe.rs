//! `kind: Probe`: what looks at the running system, how often, and which requirements that verifies.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::decode::{Object, Report};
use super::limits;
use super::period::Period;
use super::tree::Node;
use super::values::{name, parsed, period, text, word};
use super::vocabulary::vocabulary;

/// Something that is looked at again and again. Its results are evidence for the requirements that it verifies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProbeSpec {
    /// Name of the system it looks at.
    pub system: String,
    /// How it looks.
    pub check: Check,
    /// Names of the requirements whose evidence it gives.
    pub verifies: Vec<String>,
    /// Where: the system's public address, without a path. Without it: told to whoever runs the check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Names of the routes that it looks at; without them: all that the requirements are about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<String>,
    /// How often.
    pub every: Period,
    /// For how long a result counts; without it: twice as long as `every`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_for: Option<Period>,
    /// Who looks after it: a role or a team, not a person's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

vocabulary! {
    /// How a probe looks.
    pub enum Check {
        /// Synthetic people fetch personal pages and look for each other's.
        Canary = "canary",
        /// The configuration of an edge is read.
        EdgeConfiguration = "edge_configuration",
        /// Header fields of responses.
        Headers = "headers",
        /// A burst within the declared limits.
        Capacity = "capacity",
        /// Versions, suites and certificate of the connection.
        Tls = "tls",
        /// Who may do what is tried.
        Access = "access",
        /// A backup is restored.
        Restore = "restore",
        /// People look.
        Manual = "manual",
    }
}

pub(super) fn probe(node: &Node, path: &str, report: &mut Report) -> Option<ProbeSpec> {
    let known = ["system", "check", "verifies", "url", "routes", "every", "validFor", "owner"];
    let mut object = Object::open(node, path, report, &known)?;
    let system = object.required("system", name);
    let check = object.required("check", word("a check"));
    let verifies = object.filled_list("verifies", limits::ITEMS, name);
    let url = object.optional("url", address);
    let routes = object.list("routes", limits::ITEMS, name);
    let every = object.required("every", period);
    let valid_for = object.optional("validFor", period);
    let owner = object.optional("owner", text(limits::LINE));
    Some(ProbeSpec {
        system: system?,
        check: check?,
        verifies: verifies?,
        url,
        routes,
        every: every?,
        valid_for,
        owner,
    })
}

/// `https://host`, or `http://` for a machine of one's own.
fn address(node: &Node, path: &str, report: &mut Report) -> Option<String> {
    let parse = |text: &str| {
        const SHAPE: &str = "is not an address without a path";
        let uri: http::Uri = text.parse().map_err(|_| SHAPE)?;
        let bare = uri.path_and_query().is_none_or(|path| path.as_str() == "/") && !text.ends_with('/');
        let authority = uri.authority().ok_or(SHAPE)?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) || !bare {
            return Err(SHAPE);
        }
        if authority.as_str().contains('@') {
            return Err("holds a name or a password");
        }
        Ok(text.to_owned())
    };
    parsed(limits::LINE, parse, |_, _| "write it like `https://apply.example.jp`".to_owned())(
        node, path, report,
    )
}
