//! The key and the time of a certificate (RFC 5280, 4.1), and no more of it: who may give one is settled by where it comes from.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Bytes of a file of certificates.
const MOST: usize = 64 << 10;
/// Certificates of one file: the one that signs, and the ones before and after it.
const CERTIFICATES: usize = 10;
/// rsaEncryption (RFC 8017, A.1): 1.2.840.113549.1.1.1.
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// id-ecPublicKey (RFC 5480, 2.1.1) and secp256r1.
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

/// Why something is no certificate that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("holds no certificate with an RSA key")]
pub struct BadCertificate;

/// A certificate with an RSA key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    key: Vec<u8>,
    from: i64,
    until: i64,
}

impl Certificate {
    /// The certificates of a text (PEM).
    ///
    /// # Errors
    /// When there is none, or one that is none with an RSA key.
    pub fn read(pem: &[u8]) -> Result<Vec<Self>, BadCertificate> {
        let pem = std::str::from_utf8(pem).ok().filter(|pem| pem.len() <= MOST).ok_or(BadCertificate)?;
        let mut found = Vec::new();
        for block in pem.split("-----BEGIN CERTIFICATE-----").skip(1).take(CERTIFICATES) {
            let (body, _) = block.split_once("-----END CERTIFICATE-----").ok_or(BadCertificate)?;
            let body: String = body.chars().filter(|letter| !letter.is_ascii_whitespace()).collect();
            let der = STANDARD.decode(body).map_err(|_| BadCertificate)?;
            found.push(certificate(&der).ok_or(BadCertificate)?);
        }
        if found.is_empty() { Err(BadCertificate) } else { Ok(found) }
    }

    /// The key, as ring reads it: `RSAPublicKey` (RFC 8017, A.1.1).
    pub(super) fn key(&self) -> &[u8] {
        &self.key
    }

    /// Whether it holds at an instant.
    pub fn holds(&self, at: Timestamp) -> bool {
        (self.from..=self.until).contains(&at.as_second())
    }
}

/// The point of a P-256 key in its usual form (`SubjectPublicKeyInfo`), as ring reads it.
pub(super) fn p256(der: &[u8]) -> Option<Vec<u8>> {
    let mut outer = Der(der);
    let mut info = Der(outer.take(SEQUENCE)?);
    let mut algorithm = Der(info.take(SEQUENCE)?);
    let is_p256 = algorithm.take(OID)? == EC && algorithm.take(OID)? == P256;
    let point = info.take(BITS)?.strip_prefix(&[0])?;
    let whole = outer.0.is_empty() && info.0.is_empty() && algorithm.0.is_empty();
    (is_p256 && whole && point.len() == 65 && point[0] == 4).then(|| point.to_vec())
}

fn certificate(der: &[u8]) -> Option<Certificate> {
    let mut tbs = Der(Der(Der(der).take(SEQUENCE)?).take(SEQUENCE)?);
    if tbs.0.first() == Some(&VERSION) {
        tbs.take(VERSION)?;
    }
    tbs.take(INTEGER)?;
    tbs.take(SEQUENCE)?;
    tbs.take(SEQUENCE)?;
    let mut validity = Der(tbs.take(SEQUENCE)?);
    let (from, until) = (validity.time()?, validity.time()?);
    tbs.take(SEQUENCE)?;
    let mut info = Der(tbs.take(SEQUENCE)?);
    if Der(info.take(SEQUENCE)?).take(OID)? != RSA {
        return None;
    }
    let key = info.take(BITS)?.strip_prefix(&[0])?.to_vec();
    Some(Certificate { key, from, until })
}

const INTEGER: u8 = 0x02;
const BITS: u8 = 0x03;
const OID: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
/// `[0] EXPLICIT`.
const VERSION: u8 = 0xa0;

/// What is left to read of a DER text (X.690).
struct Der<'d>(&'d [u8]);

impl<'d> Der<'d> {
    /// The content of the next value, which must be of this kind.
    fn take(&mut self, tag: u8) -> Option<&'d [u8]> {
        let (found, rest) = self.0.split_first()?;
        let (first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(*first), rest),
            // A length in the one or two bytes that follow: nothing here is longer.
            0x81 => rest.split_first().map(|(length, rest)| (usize::from(*length), rest))?,
            0x82 => {
                let (length, rest) = rest.split_first_chunk::<2>()?;
                (usize::from(u16::from_be_bytes(*length)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        (*found == tag).then_some(content)
    }

    /// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ` (RFC 5280, 4.1.2.5).
    fn time(&mut self) -> Option<i64> {
        let tag = *self.0.first()?;
        let text = std::str::from_utf8(self.take(tag)?).ok()?.strip_suffix('Z')?;
        if !text.bytes().all(|letter| letter.is_ascii_digit()) {
            return None;
        }
        let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i16>().ok();
        let (year, at) = match (tag, text.len()) {
            (UTC_TIME, 12) => match number(0..2)? {
                year @ 0..50 => (2000 + year, 2),
                year => (1900 + year, 2),
            },
            (GENERALIZED_TIME, 14) => (number(0..4)?, 4),
            _ => return None,
        };
        let part = |index: usize| i8::try_from(number(at + 2 * index..at + 2 * index + 2)?).ok();
        let time = DateTime::new(year, part(0)?, part(1)?, part(2)?, part(3)?, part(4)?, 0).ok()?;
        Some(TimeZone::UTC.to_timestamp(time).ok()?.as_second())
    }
}
