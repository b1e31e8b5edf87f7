//! A guard: the reverse proxy in front of a system with personal pages. It applies what the system's requirements state to each
//! answer on its way out, and refuses what two programs could read in two ways on its way in.
//!
//! It knows no database and reads no file: whoever runs it gives it [`Settings`], a listener and the end.

mod body;
mod fields;
mod forward;
mod head;
mod listen;
mod multiplexed;
mod origin;
mod own;
mod prompt;
pub mod settings;
mod streams;
mod tunnel;
mod upload;

pub use body::Answer;
pub use fields::{Caller, client};
pub use head::Refusal;
pub use listen::serve;
pub use origin::{NoAnswer, OriginError};
pub use settings::Settings;
pub use upload::Fault;

use http::{Request, Response};
use hyper::body::Incoming;

use origin::Pool;

/// What answers requests.
pub struct Guard {
    settings: Settings,
    pool: Pool,
}

impl Guard {
    /// In front of the origin of these settings; connects to nobody yet.
    ///
    /// # Errors
    /// What is wrong with how the origin is set up.
    pub fn new(settings: Settings) -> Result<Self, OriginError> {
        let pool = Pool::new(&settings.origin, &settings.limits, &settings.patience)?;
        Ok(Self { settings, pool })
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// One request's answer.
    pub async fn answer(&self, request: Request<Incoming>, caller: Caller) -> Response<Answer> {
        let version = request.version();
        let checked = match forward::check(request, &self.settings) {
            Ok(checked) => checked,
            Err(refusal) => return own::refused(refusal, version),
        };
        match forward::send(checked, caller, &self.settings, &self.pool).await {
            Ok(answer) => answer,
            Err(why) => {
                tracing::warn!(%why, "the origin gave no answer");
                own::no_answer(&why, version)
            }
        }
    }
}
