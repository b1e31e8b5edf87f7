//! Signatures of mails (DKIM, RFC 6376): relaxed canonical forms of headers and body, RSA or Ed25519 (RFC 8463).
//!
//! Not lettre's: it signs with a crate whose RSA leaks its key by timing (RUSTSEC-2023-0071), and says of a mail in several parts that it
//! has no type of content.

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use sha2::{Digest, Sha256};
use spki::der::Encode;
use spki::der::asn1::{AnyRef, BitStringRef};
use spki::{AlgorithmIdentifierRef, ObjectIdentifier, SubjectPublicKeyInfoRef};

use crate::config::MailConfig;

/// What a signature covers besides the body (RFC 6376, 5.4.1): what a reader sees, and what tells programs what it is.
const SIGNED: [&str; 8] =
    ["from", "to", "subject", "date", "message-id", "mime-version", "content-type", "auto-submitted"];
/// RFC 3279, 2.3.1.
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// Characters of a line of the signature.
const LINE: usize = 72;

enum Key {
    Rsa(Box<RsaKeyPair>),
    Ed25519(Ed25519KeyPair),
}

/// Signs mails for a domain.
pub struct Dkim {
    domain: String,
    selector: String,
    key: Key,
    public_keys: Vec<Vec<u8>>,
}

impl Dkim {
    /// From the configuration; nothing where no selector is given.
    ///
    /// # Errors
    /// When the key file cannot be read or holds no usable key. Nothing of the key stands in the text.
    pub fn new(config: &MailConfig) -> anyhow::Result<Option<Self>> {
        if config.dkim_selector.is_empty() {
            return Ok(None);
        }
        let file = &config.dkim_key_file;
        let text = zeroize::Zeroizing::new(
            std::fs::read_to_string(file)
                .with_context(|| format!("mail.dkim_key_file: cannot read {file}"))?,
        );
        let key = key_of(&text).with_context(|| {
            format!(
                "mail.dkim_key_file: {file} is neither an RSA key of 2048 bits or more (PEM) nor an Ed25519 key (PEM, or 32 bytes in base64)"
            )
        })?;
        let domain = if config.dkim_domain.is_empty() { config.sender_domain() } else { &config.dkim_domain };
        let public_keys = public_keys(&key)?;
        Ok(Some(Self { domain: domain.to_owned(), selector: config.dkim_selector.clone(), key, public_keys }))
    }

    /// For which domain it signs.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Under which name of that domain the public key lies.
    pub fn selector(&self) -> &str {
        &self.selector
    }

    /// The kind of key, as a record names it (`k=`).
    pub fn key_type(&self) -> &'static str {
        match self.key {
            Key::Rsa(_) => "rsa",
            Key::Ed25519(_) => "ed25519",
        }
    }

    /// The public key in each form that a record may have it in (`p=`), the usual one first.
    pub fn public_keys(&self) -> &[Vec<u8>] {
        &self.public_keys
    }

    /// The mail with its signature in front.
    ///
    /// # Errors
    /// When it is no mail, or cannot be signed.
    pub fn sign(&self, mail: &[u8], at: Timestamp) -> anyhow::Result<Vec<u8>> {
        let text = std::str::from_utf8(mail).ok().context("a mail that is no text")?;
        let (head, body) = text.split_once("\r\n\r\n").context("a mail without a body")?;
        let headers = unfolded(head);
        let named = |name: &str| headers.iter().find(|(own, _)| own == name);
        let present: Vec<&str> = SIGNED.into_iter().filter(|name| named(name).is_some()).collect();
        let algorithm = match self.key {
            Key::Rsa(_) => "rsa-sha256",
            Key::Ed25519(_) => "ed25519-sha256",
        };
        let hash = STANDARD.encode(Sha256::digest(relaxed_body(body)));
        let (domain, selector) = (&self.domain, &self.selector);
        let own = format!(
            "v=1; a={algorithm}; c=relaxed/relaxed; d={domain}; s={selector};\r\n\tt={}; h={};\r\n\tbh={hash};\r\n\tb=",
            at.as_second(),
            present.join(":")
        );
        let mut signed = String::new();
        for name in present {
            if let Some((name, value)) = named(name) {
                signed.push_str(&format!("{name}:{value}\r\n"));
            }
        }
        signed.push_str(&format!("dkim-signature:{}", relaxed(&own.replace("\r\n", ""))));
        let signature = self.signature(signed.as_bytes())?;
        let lines: Vec<&str> = signature
            .as_bytes()
            .chunks(LINE)
            .map(|line| std::str::from_utf8(line).unwrap_or_default())
            .collect();
        let mut whole = format!("DKIM-Signature: {own}{}\r\n", lines.join("\r\n\t")).into_bytes();
        whole.extend_from_slice(mail);
        Ok(whole)
    }

    fn signature(&self, signed: &[u8]) -> anyhow::Result<String> {
        let bytes = match &self.key {
            Key::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed, &mut signature)
                    .ok()
                    .context("a mail could not be signed")?;
                signature
            }
            // RFC 8463, 3: the hash is what is signed.
            Key::Ed25519(key) => key.sign(&Sha256::digest(signed)).as_ref().to_vec(),
        };
        Ok(STANDARD.encode(bytes))
    }
}

fn public_keys(key: &Key) -> anyhow::Result<Vec<Vec<u8>>> {
    Ok(match key {
        Key::Rsa(key) => {
            let bare = key.public().as_ref().to_vec();
            // RFC 6376, 3.6.1, and its erratum 3017: as SubjectPublicKeyInfo, or bare.
            vec![subject_public_key_info(&bare)?, bare]
        }
        Key::Ed25519(key) => vec![key.public_key().as_ref().to_vec()],
    })
}

/// An RSA key with its kind around it (RFC 3279, 2.3.1), in DER.
fn subject_public_key_info(key: &[u8]) -> anyhow::Result<Vec<u8>> {
    let algorithm = AlgorithmIdentifierRef { oid: RSA_ENCRYPTION, parameters: Some(AnyRef::NULL) };
    let subject_public_key = BitStringRef::from_bytes(key)?;
    Ok(SubjectPublicKeyInfoRef { algorithm, subject_public_key }.to_der()?)
}

fn key_of(text: &str) -> Option<Key> {
    let decoded = |body: &str| {
        let body: String = body.chars().filter(|letter| !letter.is_ascii_whitespace()).collect();
        STANDARD.decode(body).ok().map(zeroize::Zeroizing::new)
    };
    let Some((_, begun)) = text.split_once("-----BEGIN ") else {
        let seed = decoded(text)?;
        return Ed25519KeyPair::from_seed_unchecked(&seed).ok().map(Key::Ed25519);
    };
    let (kind, rest) = begun.split_once("-----")?;
    let (body, _) = rest.split_once("-----END ")?;
    let bytes = decoded(body)?;
    match kind {
        "RSA PRIVATE KEY" => RsaKeyPair::from_der(&bytes).ok().map(|key| Key::Rsa(Box::new(key))),
        "PRIVATE KEY" => RsaKeyPair::from_pkcs8(&bytes)
            .ok()
            .map(|key| Key::Rsa(Box::new(key)))
            .or_else(|| Ed25519KeyPair::from_pkcs8_maybe_unchecked(&bytes).ok().map(Key::Ed25519)),
        _ => None,
    }
}

/// Names in small letters and values in the relaxed form (RFC 6376, 3.4.2).
fn unfolded(head: &str) -> Vec<(String, String)> {
    let mut headers: Vec<(String, String)> = Vec::new();
    for line in head.split("\r\n") {
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = headers.last_mut() {
                value.push_str(line);
            }
        } else if let Some((name, value)) = line.split_once(':') {
            headers.push((name.trim_end().to_ascii_lowercase(), value.to_owned()));
        }
    }
    headers.into_iter().map(|(name, value)| (name, relaxed(&value))).collect()
}

/// White space as one space each, none at the ends.
fn relaxed(value: &str) -> String {
    value.split([' ', '\t']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// RFC 6376, 3.4.4: white space as one space within a line and none at its end, no empty lines at the end of all.
fn relaxed_body(body: &str) -> String {
    let mut out = String::with_capacity(body.len());
    for line in body.split("\r\n") {
        let begins = line.starts_with([' ', '\t']) && !line.trim_matches([' ', '\t']).is_empty();
        if begins {
            out.push(' ');
        }
        out.push_str(&relaxed(line));
        out.push_str("\r\n");
    }
    let kept = out.trim_end_matches("\r\n").len();
    out.truncate(kept);
    if kept > 0 {
        out.push_str("\r\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_forms_are_those_of_the_standard() {
        // RFC 6376, 3.4.5.
        let head = "A: X\r\nB : Y\t\r\n\tZ  ";
        assert_eq!(unfolded(head), [("a".to_owned(), "X".to_owned()), ("b".to_owned(), "Y Z".to_owned())]);
        assert_eq!(relaxed_body(" C \r\nD \t E\r\n\r\n\r\n"), " C\r\nD E\r\n");
        assert_eq!(relaxed_body(""), "");
        assert_eq!(relaxed_body("\r\n\r\n"), "");
        assert_eq!(relaxed_body("a"), "a\r\n");
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in [
            "",
            "x",
            "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----",
            "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
        ] {
            assert!(key_of(text).is_none(), "{text}");
        }
        assert!(
            matches!(key_of("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="), Some(Key::Ed25519(_))),
            "RFC 8463, A.2"
        );
    }
}
