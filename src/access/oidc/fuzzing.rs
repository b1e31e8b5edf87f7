//! The reading of logout tokens, for the fuzz target.

use super::logout_token::read;
use crate::config::OidcProvider;

/// Whether a token would have its signature looked at, at an instant (seconds).
pub fn logout_token(config: &OidcProvider, token: &str, now: i64) -> bool {
    let Ok(unproven) = read(config, token, now) else { return false };
    let told = unproven.told;
    let named = |text: &str| (1..=255).contains(&text.len());
    assert!(named(&told.id), "a token without a name of its own");
    assert!(told.subject.is_some() || told.session.is_some(), "nobody is named");
    assert!(told.subject.iter().chain(&told.session).all(|text| named(text)), "a name beyond its limit");
    true
}
