//! Page tokens: where a search goes on. Stateless, bound to the search, to who asks and to the tenant; one that was changed
//! or belongs to another search is refused.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::setting::Setting;
use crate::error::{Error, Result};

/// Bytes of the proof.
const PROOF: usize = 16;

/// A token that says where to go on.
pub(super) fn token(setting: &Setting, fingerprint: &[u8; 32], after: &str) -> String {
    let mut bytes = proof(setting, fingerprint, after).to_vec();
    bytes.extend_from_slice(after.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Where a token says to go on.
///
/// # Errors
/// `INVALID` for a token that no answer to this search of this asker gave.
pub(super) fn after(setting: &Setting, fingerprint: &[u8; 32], token: &str) -> Result<String> {
    let wrong =
        || Error::invalid("page.token", "is none that this search gave").remedy("begin the search again");
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| wrong())?;
    let (given, after) = bytes.split_at_checked(PROOF).ok_or_else(wrong)?;
    let after = std::str::from_utf8(after).map_err(|_| wrong())?;
    let same = subtle::ConstantTimeEq::ct_eq(&proof(setting, fingerprint, after)[..], given);
    if bool::from(same) { Ok(after.to_owned()) } else { Err(wrong()) }
}

fn proof(setting: &Setting, fingerprint: &[u8; 32], after: &str) -> [u8; PROOF] {
    let scope = setting.decider.scope();
    let key = scope.op().app().master().derive("suimon authzen page");
    let mut mac: Hmac<Sha256> = Hmac::new_from_slice(&*key).expect("HMAC takes a key of any length");
    mac.update(fingerprint);
    mac.update(scope.tenant().as_bytes());
    mac.update(scope.author().as_bytes());
    mac.update(setting.guarded.name.as_bytes());
    // The last part, so that its length needs no mark.
    mac.update(&[0]);
    mac.update(after.as_bytes());
    let whole: [u8; 32] = mac.finalize().into_bytes().into();
    let mut proof = [0; PROOF];
    proof.copy_from_slice(&whole[..PROOF]);
    proof
}
