//! `[[identity.oidc]]`: providers of identity that people may sign in at.

use figment::value::Value;
use serde::Deserialize;

use super::Secret;
use crate::access::Role;

/// Where the list stands.
pub(super) const KEY: &str = "identity.oidc";
/// Providers at most.
const MOST: usize = 20;
/// What a signature may be made by: nothing symmetric (the client secret would be a signing key), never `none`.
const ALGORITHMS: [&str; 9] =
    ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];
/// Claims that no grant may ask for: they name a person, and are often that person's own choice.
const NO_GROUPS: [&str; 18] = [
    "sub",
    "iss",
    "aud",
    "azp",
    "exp",
    "iat",
    "auth_time",
    "nonce",
    "email",
    "email_verified",
    "name",
    "given_name",
    "family_name",
    "nickname",
    "preferred_username",
    "phone_number",
    "acr",
    "amr",
];

/// A provider of identity.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OidcProvider {
    pub id: String,
    pub label_ja: String,
    pub label_en: String,
    pub issuer: String,
    pub client_id: String,
    #[serde(default)]
    pub client_secret_file: String,
    #[serde(default)]
    pub client_secret_env: String,
    #[serde(skip)]
    pub client_secret: Secret,
    #[serde(default = "openid")]
    pub scopes: String,
    #[serde(default = "usual")]
    pub algorithms: String,
    #[serde(default)]
    pub ca_file: String,
    #[serde(default)]
    pub second_factor_acr: String,
    #[serde(default)]
    pub second_factor_amr: String,
    #[serde(default)]
    pub create_accounts: bool,
    #[serde(default, rename = "grant")]
    pub grants: Vec<OidcGrant>,
}

/// Who may have a new account, and which roles that has.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OidcGrant {
    pub claim: String,
    pub value: String,
    /// Slug.
    pub tenant: String,
    pub roles: String,
}

fn openid() -> String {
    "openid".to_owned()
}

fn usual() -> String {
    "RS256, ES256".to_owned()
}

impl OidcProvider {
    /// Names of what a signature may be made by.
    pub fn algorithms(&self) -> impl Iterator<Item = &str> {
        self.algorithms.split(',').map(str::trim)
    }
}

impl OidcGrant {
    /// The roles.
    ///
    /// # Errors
    /// When a name is not one of a role.
    pub fn roles(&self) -> Result<Vec<Role>, String> {
        self.roles.split(',').map(|name| name.trim().parse()).collect()
    }
}

/// Whether the value is a list of such tables. What it holds is not repeated.
pub(super) fn readable(value: &Value) -> Result<(), String> {
    value.deserialize::<Vec<OidcProvider>>().map(drop).map_err(|error| {
        let place = error.path.join(".");
        format!("{KEY}.{place}: {}", super::validate::describe(&error.kind))
    })
}

pub(super) fn read_secrets(
    providers: &mut [OidcProvider],
    environment: &[(String, String)],
    problems: &mut Vec<String>,
) {
    for provider in providers {
        let (file, name) = (&provider.client_secret_file, &provider.client_secret_env);
        let secret = match (file.is_empty(), name.is_empty()) {
            (false, true) => std::fs::read_to_string(file)
                .map_err(|error| format!("client_secret_file: cannot read {file} ({error})")),
            (true, false) => environment
                .iter()
                .find(|(variable, _)| variable == name)
                .map(|(_, value)| value.clone())
                .ok_or_else(|| format!("client_secret_env: there is no variable {name}")),
            _ => Err("wants one of client_secret_file and client_secret_env".to_owned()),
        };
        match secret.map(|secret| secret.trim_end_matches(['\r', '\n']).to_owned()) {
            Ok(secret) if secret.is_empty() => {
                problems.push(format!("{KEY} {}: the client secret is empty", provider.id));
            }
            Ok(secret) => provider.client_secret = Secret::new(secret),
            Err(problem) => problems.push(format!("{KEY} {}: {problem}", provider.id)),
        }
    }
}

pub(super) fn check(providers: &[OidcProvider]) -> Vec<String> {
    let mut problems = Vec::new();
    if providers.len() > MOST {
        problems.push(format!("{KEY}: wants at most {MOST} providers"));
    }
    for (index, provider) in providers.iter().enumerate() {
        let earlier = &providers[..index];
        let named = format!("{KEY} {}", provider.id);
        let mut require = |holds: bool, problem: &str| {
            if !holds {
                problems.push(format!("{named}: {problem}"));
            }
        };
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        require(
            (1..=32).contains(&provider.id.len()) && provider.id.bytes().all(plain),
            "id: wants 1 to 32 small letters, digits or -",
        );
        require(!earlier.iter().any(|other| other.id == provider.id), "id: is named twice");
        // Two entries of one issuer would be two ways to one subject, with two mappings.
        require(!earlier.iter().any(|other| other.issuer == provider.issuer), "issuer: is named twice");
        let short = |text: &str, most: usize| !text.is_empty() && text.len() <= most;
        require(
            short(&provider.label_ja, 200) && short(&provider.label_en, 200),
            "label_ja, label_en: want 1 to 200 bytes",
        );
        require(short(&provider.client_id, 200), "client_id: wants 1 to 200 bytes");
        require(
            short(&provider.issuer, 300)
                && openidconnect::url::Url::parse(&provider.issuer).is_ok_and(|url| {
                    crate::outbound::is_protected(&url) && url.query().is_none() && url.fragment().is_none()
                }),
            "issuer: wants an https address without ? and # (http on the own machine only)",
        );
        require(
            provider.scopes.split(' ').any(|scope| scope == "openid"),
            "scopes: wants openid, and others separated by blanks",
        );
        require(
            provider.algorithms().all(|name| ALGORITHMS.contains(&name)),
            "algorithms: wants some of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA separated by commas",
        );
        require(
            !provider.create_accounts || !provider.grants.is_empty(),
            "create_accounts: wants a grant, because who is named by none gets no account",
        );
        require(provider.grants.len() <= 200, "grant: wants at most 200");
        for grant in &provider.grants {
            require(
                short(&grant.claim, 100) && !NO_GROUPS.contains(&grant.claim.as_str()),
                "grant.claim: wants a claim that an administrator of the provider sets, such as groups; not a name or an address",
            );
            require(short(&grant.value, 300), "grant.value: wants 1 to 300 bytes");
            require(short(&grant.tenant, 100), "grant.tenant: wants the short name of a tenant");
            match grant.roles() {
                Ok(roles) => require(
                    !roles.contains(&Role::Service),
                    "grant.roles: service is for programs, which have tokens",
                ),
                Err(problem) => require(false, &format!("grant.roles: {problem}")),
            }
        }
    }
    problems
}
