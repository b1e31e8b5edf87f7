//! Configuration: embedded defaults, then `suimon.toml`, then `SUIMON_*`, then `--set`. All problems are told at once.

mod hooks;
mod keys;
mod layers;
mod oidc;
mod secret;
mod servers;
mod validate;

pub use keys::{KeyHolder, KeyProvider, KeysConfig, KmsArn};
pub use layers::{ConfigProblems, DEFAULTS, Sources, load};
pub use oidc::{OidcGrant, OidcProvider};
pub use secret::Secret;
pub use servers::{DomainRate, domain_rates, servers};

use serde::Deserialize;

use crate::access::Role;
use crate::logs::Forms;

/// The whole configuration. What each key means stands in `default.toml`, which is also printed by `suimon config`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub server: ServerConfig,
    pub database: DatabaseConfig,
    pub keys: KeysConfig,
    pub identity: IdentityConfig,
    pub graphql: GraphqlConfig,
    pub mail: MailConfig,
    pub outbox: OutboxConfig,
    pub notices: NoticesConfig,
    pub jobs: JobsConfig,
    pub audit: AuditConfig,
    pub retention: RetentionConfig,
    pub emergency: EmergencyConfig,
    pub duties: DutiesConfig,
    pub exposure: ExposureConfig,
    pub drill: DrillConfig,
    pub log: LogConfig,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerConfig {
    pub listen: String,
    pub public_url: String,
    pub development: bool,
    pub request_timeout_seconds: u64,
    pub max_body_bytes: usize,
    pub metrics_token: Secret,
    pub metrics_token_file: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseConfig {
    pub url: Secret,
    pub url_file: String,
    pub migrate_url: Secret,
    pub migrate_url_file: String,
    pub require_row_security: bool,
    pub max_connections: u32,
    pub migrate_at_start: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityConfig {
    pub session_idle_minutes: u32,
    pub session_absolute_hours: u32,
    pub lock_after_tries: u32,
    pub lock_minutes: u32,
    pub require_second_factor: String,
    pub reauthentication_minutes: u32,
    pub bulk_read_people: u32,
    pub password_min_length: usize,
    pub argon2_memory_kib: u32,
    pub argon2_passes: u32,
    pub argon2_lanes: u32,
    /// `[[identity.oidc]]`; none by default.
    #[serde(default)]
    pub oidc: Vec<OidcProvider>,
}

/// Which documents are executed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrustedDocuments {
    /// Any text.
    #[default]
    Off,
    /// Any text, and those of the list by their id.
    Allow,
    /// Those of the list.
    Only,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GraphqlConfig {
    pub max_tokens: usize,
    pub max_depth: usize,
    pub max_complexity: usize,
    pub max_aliases: usize,
    pub max_directives: usize,
    pub max_page: usize,
    pub max_seconds: u64,
    pub max_streams: usize,
    pub max_stream_seconds: u64,
    pub get: bool,
    pub trusted_documents: TrustedDocuments,
    pub trusted_documents_path: String,
}

/// How mail leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailTransport {
    Captured,
    Smtp,
}

/// How Japanese mails are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum MailCharset {
    #[serde(rename = "utf-8")]
    Utf8,
    #[serde(rename = "iso-2022-jp")]
    Iso2022Jp,
}

/// Which provider takes the mails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailProvider {
    None,
    Ses,
    Sendgrid,
    Postmark,
}

/// How the connection to the SMTP server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SmtpTls {
    None,
    Starttls,
    Implicit,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailConfig {
    pub transport: MailTransport,
    pub from_address: String,
    pub from_name: String,
    pub smtp_host: String,
    pub smtp_port: u16,
    pub smtp_fallbacks: String,
    pub smtp_tls: SmtpTls,
    pub smtp_ca_file: String,
    pub smtp_username: String,
    pub smtp_password: Secret,
    pub smtp_password_file: String,
    pub charset: MailCharset,
    pub smtp_connections: u32,
    pub domain_connections: u32,
    pub domain_rates: String,
    pub smtp_timeout_seconds: u64,
    pub dkim_selector: String,
    pub dkim_domain: String,
    pub dkim_key_file: String,
    pub return_maildir: String,
    pub return_prefix: String,
    pub return_domain: String,
    pub return_seconds: u32,
    pub provider: MailProvider,
    pub ses_configuration_set: String,
    pub ses_topic: String,
    pub ses_certificate_file: String,
    pub ses_endpoint: String,
    pub sendgrid_public_key: String,
    pub postmark_secret: Secret,
    pub postmark_secret_file: String,
    pub letter_sender: String,
}

impl MailConfig {
    /// The domain of the address that mails come from.
    pub fn sender_domain(&self) -> &str {
        self.from_address.rsplit_once('@').map_or("localhost", |(_, domain)| domain)
    }

    /// The domain of return paths, where each message has its own.
    pub fn return_domain(&self) -> &str {
        if self.return_domain.is_empty() { self.sender_domain() } else { &self.return_domain }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutboxConfig {
    pub enabled: bool,
    pub batch: u32,
    pub lease_seconds: u32,
    pub max_attempts: u32,
    pub backoff_seconds: u32,
    pub backoff_cap_seconds: u32,
    pub poll_milliseconds: u64,
}

/// The pages of those who are told.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoticesConfig {
    pub links: bool,
    pub link_days: u32,
    pub tenant_link_days: u32,
    pub answer_days: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobsConfig {
    pub enabled: bool,
    pub poll_milliseconds: u64,
    pub lease_seconds: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditConfig {
    pub checkpoint_minutes: u32,
    pub checkpoint_folder: String,
    pub verify_hours: u32,
    pub keep_days: u32,
    pub archive_folder: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionConfig {
    pub every_hours: u32,
    pub session_days: u32,
    pub token_days: u32,
    pub captured_mail_days: u32,
    pub import_batch_days: u32,
    pub job_days: u32,
    pub denial_days: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmergencyConfig {
    pub max_minutes: u32,
    pub request_minutes: u32,
    pub max_open: u32,
}

/// Reminders of duties.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DutiesConfig {
    pub remind_minutes: u32,
    pub webhook_url: String,
    pub webhook_secret: Secret,
    pub webhook_secret_file: String,
    pub webhook_ca_file: String,
    pub webhook_timeout_seconds: u64,
}

/// Where the logs of protected systems lie.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExposureConfig {
    pub log_sources: String,
    pub nginx_format: String,
    pub apache_format: String,
    pub squid_format: String,
    pub trafficserver_format: String,
    pub haproxy_format: String,
    pub fields: String,
    pub json_fields: String,
    pub utc_offset: String,
}

impl ExposureConfig {
    /// What is said of the forms of the logs.
    pub fn forms(&self) -> Forms<'_> {
        let pairs = self.json_fields.split(',').map(str::trim);
        Forms {
            nginx: &self.nginx_format,
            apache: &self.apache_format,
            squid: &self.squid_format,
            trafficserver: &self.trafficserver_format,
            haproxy: &self.haproxy_format,
            fields: &self.fields,
            json_fields: pairs.filter(|pair| !pair.is_empty()).collect(),
            utc_offset: &self.utc_offset,
        }
    }

    /// Names and places of `log_sources`, in order.
    ///
    /// # Errors
    /// The entry that is none.
    pub fn sources(&self) -> Result<Vec<(&str, &str)>, String> {
        let entries = self.log_sources.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        entries
            .map(|entry| match entry.split_once('=') {
                Some((name, place)) if is_name(name.trim()) && !place.trim().is_empty() => {
                    Ok((name.trim(), place.trim()))
                }
                _ => Err(entry.to_owned()),
            })
            .collect()
    }
}

fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=40).contains(&name.len()) && name.bytes().all(fits)
}

/// Whether this is a drill.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrillConfig {
    pub folder: String,
}

impl DrillConfig {
    /// The drill's folder, where it is one.
    pub fn folder(&self) -> Option<&str> {
        Some(self.folder.as_str()).filter(|folder| !folder.is_empty())
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    Text,
    Json,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    pub format: LogFormat,
    pub filter: String,
}

impl IdentityConfig {
    /// The roles of `require_second_factor`.
    ///
    /// # Errors
    /// When a name is not one of a role.
    pub fn roles_with_second_factor(&self) -> Result<Vec<Role>, String> {
        match self.require_second_factor.trim() {
            "*" => Ok(Role::ALL.to_vec()),
            "" => Ok(Vec::new()),
            names => names.split(',').map(|name| name.trim().parse()).collect(),
        }
    }
}
