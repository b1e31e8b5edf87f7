//! The section `[keys]`: who holds the key-encryption keys.

use std::fmt;

use openidconnect::url::Url;
use serde::{Deserialize, Serialize};

use super::Secret;
use crate::outbound;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeysConfig {
    pub provider: KeyProvider,
    pub file: String,
    pub secret: Secret,
    pub previous_files: String,
    pub previous_secrets: Secret,
    pub transit_url: String,
    pub transit_mount: String,
    pub transit_key: String,
    pub transit_previous_keys: String,
    pub transit_namespace: String,
    pub transit_token: Secret,
    pub transit_token_file: String,
    pub transit_ca_file: String,
    pub kms_key: String,
    pub kms_previous_keys: String,
    pub kms_endpoint: String,
    pub kms_access_key_id: String,
    pub kms_secret_access_key: Secret,
    pub kms_session_token: Secret,
    pub kms_credentials_file: String,
    pub timeout_seconds: u64,
}

/// Which key-encryption key wraps what is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyProvider {
    /// That of the environment where there is one, else the file.
    Auto,
    File,
    Environment,
    Transit,
    Kms,
}

/// Who holds a key-encryption key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyHolder {
    /// A file of this machine.
    File,
    /// The environment, or another place of the configuration.
    Environment,
    /// HashiCorp Vault or OpenBao.
    Transit,
    /// AWS KMS.
    Kms,
}

impl fmt::Display for KeyHolder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            KeyHolder::File => "file",
            KeyHolder::Environment => "environment",
            KeyHolder::Transit => "transit",
            KeyHolder::Kms => "kms",
        })
    }
}

impl KeysConfig {
    /// Who holds the key that wraps what is new.
    pub fn holder(&self) -> KeyHolder {
        match self.provider {
            KeyProvider::Auto if self.secret.is_empty() => KeyHolder::File,
            KeyProvider::File => KeyHolder::File,
            KeyProvider::Auto | KeyProvider::Environment => KeyHolder::Environment,
            KeyProvider::Transit => KeyHolder::Transit,
            KeyProvider::Kms => KeyHolder::Kms,
        }
    }

    /// Names of the keys that only open, at the same mount. The one that is no longer chosen is one of them.
    pub fn earlier_transit_keys(&self) -> impl Iterator<Item = &str> {
        let chosen = self.holder() == KeyHolder::Transit;
        listed(if chosen { "" } else { &self.transit_key }).chain(listed(&self.transit_previous_keys))
    }

    /// ARNs of the keys that only open. The one that is no longer chosen is one of them.
    pub fn earlier_kms_keys(&self) -> impl Iterator<Item = &str> {
        let chosen = self.holder() == KeyHolder::Kms;
        listed(if chosen { "" } else { &self.kms_key }).chain(listed(&self.kms_previous_keys))
    }

    /// Keys of the environment that only open. The one that is no longer chosen is one of them.
    pub fn earlier_secrets(&self) -> impl Iterator<Item = &str> {
        let chosen = self.holder() == KeyHolder::Environment;
        listed(if chosen { "" } else { self.secret.expose() }).chain(listed(self.previous_secrets.expose()))
    }

    /// Paths of the files of earlier keys.
    pub fn previous_files(&self) -> impl Iterator<Item = &str> {
        listed(&self.previous_files)
    }
}

fn listed(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// Names a key of AWS KMS: `arn:PARTITION:kms:REGION:ACCOUNT:key/ID`. An alias would not do: it may name another key tomorrow.
#[derive(Clone, Debug)]
pub struct KmsArn {
    text: String,
    region: String,
    partition: String,
}

impl KmsArn {
    /// `None` when the text is not the ARN of a key.
    pub fn read(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split(':').collect();
        let ["arn", partition, "kms", region, account, key] = parts[..] else { return None };
        let plain = |part: &str| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        };
        let id = key.strip_prefix("key/")?;
        let fits = text.len() <= 90 && [partition, region, account, id].into_iter().all(plain);
        fits.then(|| Self {
            text: text.to_owned(),
            region: region.to_owned(),
            partition: partition.to_owned(),
        })
    }

    /// The ARN itself.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Region of the key.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Address of AWS KMS in that region.
    pub fn endpoint(&self) -> String {
        let domain = if self.partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
        format!("https://kms.{}.{domain}", self.region)
    }
}

/// What the types cannot say.
pub fn check(keys: &KeysConfig, problems: &mut Vec<String>) {
    let mut require = |holds: bool, problem: &str| {
        if !holds {
            problems.push(problem.to_owned());
        }
    };
    require((1..=30).contains(&keys.timeout_seconds), "keys.timeout_seconds: wants 1 to 30");
    require(
        keys.provider != KeyProvider::Environment || !keys.secret.is_empty(),
        "keys.secret: wants the key, because keys.provider is environment",
    );
    let transit = keys.holder() == KeyHolder::Transit;
    require(!transit || !keys.transit_key.is_empty(), "keys.transit_key: wants the name of the key");
    if transit || keys.earlier_transit_keys().next().is_some() {
        require(
            is_safe_address(&keys.transit_url),
            "keys.transit_url: wants to begin with https:// (or http:// on the own machine), without a user, a query or a path",
        );
        require(
            !keys.transit_token.is_empty(),
            "keys.transit_token: wants a token, or keys.transit_token_file",
        );
        let names = keys.earlier_transit_keys().chain(transit.then_some(keys.transit_key.as_str()));
        require(
            names.chain(keys.transit_mount.split('/')).all(is_plain_name) && keys.transit_mount.len() <= 40,
            "keys.transit_key: names of keys, and each part of keys.transit_mount, want 1 to 40 letters, digits, _ or -",
        );
    }
    let kms = keys.holder() == KeyHolder::Kms;
    require(!kms || !keys.kms_key.is_empty(), "keys.kms_key: wants the ARN of the key");
    if kms || keys.earlier_kms_keys().next().is_some() {
        let mut arns = keys.earlier_kms_keys().chain(kms.then_some(keys.kms_key.as_str()));
        require(
            arns.all(|arn| KmsArn::read(arn).is_some()),
            "keys.kms_key: wants ARNs of keys such as arn:aws:kms:ap-northeast-1:123456789012:key/ID, no aliases",
        );
        require(
            keys.kms_endpoint.is_empty() || is_safe_address(&keys.kms_endpoint),
            "keys.kms_endpoint: wants to begin with https:// (or http:// on the own machine), without a user, a query or a path",
        );
        require(
            !keys.kms_credentials_file.is_empty()
                || !keys.kms_access_key_id.is_empty() && !keys.kms_secret_access_key.is_empty(),
            "keys.kms_access_key_id: wants credentials with keys.kms_secret_access_key, or keys.kms_credentials_file",
        );
    }
}

fn is_plain_name(name: &str) -> bool {
    (1..=40).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}

/// Keys cross the wire: in clear only where the wire does not leave the machine.
fn is_safe_address(address: &str) -> bool {
    Url::parse(address).is_ok_and(|url| {
        outbound::is_protected(&url) && url.path() == "/" && url.query().is_none() && url.fragment().is_none()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_cross_the_wire_in_clear_on_the_own_machine_only() {
        for safe in [
            "https://vault.example",
            "https://vault.example:8200/",
            "http://127.0.0.1:8200",
            "http://[::1]:8200",
            "http://localhost:8200",
        ] {
            assert!(is_safe_address(safe), "{safe}");
        }
        for unsafe_one in [
            "",
            "vault.example",
            "http://vault.example",
            "http://127.0.0.1.vault.example",
            "http://127.0.0.1:8200@vault.example",
            "https://user@vault.example",
            "https://vault.example/v1",
            "https://vault.example/?a",
            "ftp://127.0.0.1",
        ] {
            assert!(!is_safe_address(unsafe_one), "{unsafe_one}");
        }
    }

    #[test]
    fn an_arn_names_one_key() {
        let arn = "arn:aws:kms:ap-northeast-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        let read = KmsArn::read(arn).expect("an ARN");
        assert_eq!((read.as_str(), read.region()), (arn, "ap-northeast-1"));
        assert_eq!(read.endpoint(), "https://kms.ap-northeast-1.amazonaws.com");
        for wrong in [
            "1234abcd-12ab-34cd-56ef-1234567890ab",
            "arn:aws:kms:ap-northeast-1:123456789012:alias/suimon",
            "arn:aws:kms:evil.example/:123456789012:key/1",
            "arn:aws:kms::123456789012:key/1",
            "arn:aws:s3:ap-northeast-1:123456789012:key/1",
        ] {
            assert!(KmsArn::read(wrong).is_none(), "{wrong}");
        }
    }
}
