//! Who is signed in, by a cookie; and how the applications tell the guard so.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};

use crate::entropy::Entropy;

/// Sessions at once; beyond it the one that was used longest ago ends.
const MOST: u64 = 10_000;

/// Sessions of an application, in memory.
pub struct Sessions<V> {
    cookie: &'static str,
    kept: moka::sync::Cache<String, V>,
    entropy: Entropy,
}

impl<V: Clone + Send + Sync + 'static> Sessions<V> {
    pub fn new(cookie: &'static str, entropy: Entropy) -> Self {
        let kept = moka::sync::Cache::builder()
            .max_capacity(MOST)
            .time_to_idle(Duration::from_secs(4 * 3600))
            .build();
        Self { cookie, kept, entropy }
    }

    /// Who asks.
    pub fn of(&self, fields: &HeaderMap) -> Option<V> {
        self.kept.get(self.token(fields)?)
    }

    /// Remembers something else with the session of who asks, if there is one.
    pub fn change(&self, fields: &HeaderMap, visitor: V) {
        if let Some(token) = self.token(fields).filter(|token| self.kept.contains_key(*token)) {
            self.kept.insert(token.to_owned(), visitor);
        }
    }

    /// Begins a session under a value of its own, and ends the one that the browser had; gives the cookie. It is not `Secure`, because the
    /// example speaks plain HTTP.
    pub fn begin(&self, fields: &HeaderMap, visitor: V) -> HeaderValue {
        self.forget(fields);
        let token = hex::encode(self.entropy.bytes::<16>());
        let cookie = format!("{}={token}; Path=/; HttpOnly; SameSite=Lax", self.cookie);
        self.kept.insert(token, visitor);
        HeaderValue::try_from(cookie).expect("a name of ours and hexadecimal digits")
    }

    /// Ends a session; gives the cookie that takes it from the browser.
    pub fn end(&self, fields: &HeaderMap) -> HeaderValue {
        self.forget(fields);
        let cookie = format!("{}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0", self.cookie);
        HeaderValue::try_from(cookie).expect("a name of ours and attributes")
    }

    fn forget(&self, fields: &HeaderMap) {
        if let Some(token) = self.token(fields) {
            self.kept.invalidate(token);
        }
    }

    fn token<'f>(&self, fields: &'f HeaderMap) -> Option<&'f str> {
        let lines = fields.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut cookies =
            lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        cookies.find(|(name, _)| *name == self.cookie).map(|(_, value)| value)
    }
}

/// Whom an answer is about, where that is not who asked: put among the answer's extensions, and gone before it leaves.
#[derive(Clone, Default)]
pub struct About {
    pub subject: String,
    pub tenant: String,
}
