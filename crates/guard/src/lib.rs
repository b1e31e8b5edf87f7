//! A guard: the reverse proxy in front of a system with personal pages. It applies what the system's requirements state to each
//! answer on its way out, and refuses what two programs could read in two ways on its way in.
//!
//! It knows no database and reads no file: whoever runs it gives it [`Settings`], [`Rules`], a listener and the end.

mod body;
mod fields;
mod forward;
mod head;
mod listen;
mod multiplexed;
mod origin;
mod own;
mod prompt;
pub mod rules;
pub mod settings;
mod streams;
mod tunnel;
mod upload;
mod via;

pub use body::Answer;
pub use fields::{Caller, client};
pub use head::Refusal;
pub use listen::serve;
pub use origin::{NoAnswer, OriginError};
pub use rules::Rules;
pub use settings::Settings;
pub use upload::Fault;

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;

use origin::Pool;

/// What reads whatever anybody sends, for fuzzing.
#[cfg(fuzzing)]
pub mod fuzzing {
    pub use crate::fields::{
        join_cookies, remove_aliases, remove_from_trailers, remove_hop_by_hop, tell_who_asked,
    };
    pub use crate::head::{check, only_chunked};
    pub use crate::via::{came_before, say};
}

/// The example of the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// What answers requests.
pub struct Guard {
    settings: Settings,
    pool: Pool,
    rules: Arc<Rules>,
}

impl Guard {
    /// In front of the origin of these settings; connects to nobody yet. Whoever keeps `rules` exchanges them while it runs.
    ///
    /// # Errors
    /// What is wrong with how the origin is set up.
    pub fn new(settings: Settings, rules: Arc<Rules>) -> Result<Self, OriginError> {
        let pool = Pool::new(&settings.origin, &settings.limits, &settings.patience)?;
        Ok(Self { settings, pool, rules })
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// One request's answer.
    pub async fn answer(&self, request: Request<Incoming>, caller: Caller) -> Response<Answer> {
        let head = own::is_head(request.method());
        let answer = self.judged(request, caller).await;
        // Nor do the guard's own answers to HEAD have a body; on HTTP/2 nothing else would take it away.
        if head { answer.map(|_| Answer::from(Bytes::new())) } else { answer }
    }

    async fn judged(&self, request: Request<Incoming>, caller: Caller) -> Response<Answer> {
        let version = request.version();
        let mut checked = match forward::check(request, &self.settings) {
            Ok(checked) => checked,
            Err(refusal) => return own::refused(refusal, version),
        };
        // By these rules to the end, whatever is put into force meanwhile.
        let rules = self.rules.in_force();
        let method = checked.request.method().clone();
        let uri = checked.request.uri().clone();
        // `OPTIONS *` asks the server as a whole: it is about no path, and certainly about nothing that is public.
        let path = if method == Method::OPTIONS && uri.path() == "*" { "/" } else { uri.path() };
        let exchange = rules.table.judge_request(&method, path, checked.request.headers_mut());
        self.rules.note(&rules, &exchange.findings());
        if let Some(status) = exchange.refusal() {
            return own::told(status, "there is nothing at this address");
        }
        let mut answer = match forward::send(checked, caller, &self.settings, &self.pool).await {
            Ok(answer) => answer,
            Err(why) => {
                tracing::warn!(%why, "the origin gave no answer");
                return own::no_answer(&why, version);
            }
        };
        let status = answer.status();
        // No cache keeps the beginning of a tunnel, and what goes through it is no answer.
        if status == StatusCode::SWITCHING_PROTOCOLS {
            return answer;
        }
        let verdict = exchange.judge_response(status, answer.headers_mut());
        self.rules.note(&rules, &verdict.findings);
        match verdict.replace {
            Some(status) => own::told(status, "the system confirmed a copy that nobody may have"),
            None => answer,
        }
    }
}
