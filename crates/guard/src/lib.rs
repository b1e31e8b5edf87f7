//! A guard: the reverse proxy in front of a system with personal pages. It applies what the system's requirements state to each
//! answer on its way out, and refuses what two programs could read in two ways on its way in.
//!
//! It knows no database and reads no file: whoever runs it gives it [`Settings`], a listener and the end.

mod body;
pub mod fields;
mod forward;
mod head;
mod listen;
mod multiplexed;
mod origin;
mod own;
mod prompt;
mod rules;
pub mod settings;
mod streams;
pub mod tripwire;
mod tunnel;
mod upload;

pub use body::Answer;
pub use fields::{Caller, client};
pub use head::Refusal;
pub use listen::serve;
pub use origin::{NoAnswer, OriginError};
pub use prompt::Prompt;
pub use rules::{Count, Found, Rules, Sink};
pub use settings::Settings;
pub use tripwire::Tripwire;
pub use upload::Fault;

use std::sync::Arc;

use arc_swap::ArcSwap;
use edge::policy::Leaves;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;

use forward::Checked;
use origin::Pool;

/// What answers requests.
pub struct Guard {
    settings: Settings,
    pool: Pool,
    rules: ArcSwap<Rules>,
    sink: Arc<dyn Sink>,
    tripwire: Option<Tripwire>,
}

impl Guard {
    /// In front of the origin of these settings, under these rules; connects to nobody yet. The sink is told what was wrong.
    ///
    /// # Errors
    /// What is wrong with how the origin is set up.
    pub fn new(settings: Settings, rules: Rules, sink: Arc<dyn Sink>) -> Result<Self, OriginError> {
        let pool = Pool::new(&settings.origin, &settings.limits, &settings.patience)?;
        Ok(Self { settings, pool, rules: ArcSwap::from_pointee(rules), sink, tripwire: None })
    }

    /// The same guard with a tripwire in each personal page.
    #[must_use]
    pub fn with_tripwire(self, tripwire: Tripwire) -> Self {
        Self { tripwire: Some(tripwire), ..self }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The rules in force, with their counts.
    pub fn rules(&self) -> Arc<Rules> {
        self.rules.load_full()
    }

    /// Puts other rules into force for the requests that come from now on, and gives back those before, whose counts may still grow:
    /// a request under way keeps the rules that it began with.
    pub fn replace(&self, rules: Rules) -> Arc<Rules> {
        self.rules.swap(Arc::new(rules))
    }

    /// One request's answer.
    pub async fn answer(&self, request: Request<Incoming>, caller: Caller) -> Response<Answer> {
        let version = request.version();
        let checked = match forward::check(request, &self.settings) {
            Ok(checked) => checked,
            Err(refusal) => return own::refused(refusal, version),
        };
        if checked.request.uri().path().starts_with(own::PATHS) {
            return self.own(checked, caller).await;
        }
        // Held to the end: whatever is put into force meanwhile, the answer is judged as the request was.
        let rules = self.rules();
        match self.by_rules(checked, caller, &rules).await {
            Ok(answer) => answer,
            Err(why) => {
                tracing::warn!(%why, "the origin gave no answer");
                own::no_answer(&why, version)
            }
        }
    }

    /// Paths of the guard itself.
    async fn own(&self, checked: Checked, caller: Caller) -> Response<Answer> {
        let Checked { request, host, tunnel: _ } = checked;
        match &self.tripwire {
            Some(tripwire) if tripwire::is_own(request.uri().path()) => {
                tripwire.answer(request, &host, caller, &self.settings).await
            }
            _ => own::told(StatusCode::NOT_FOUND, "there is nothing here"),
        }
    }

    async fn by_rules(
        &self,
        mut checked: Checked,
        caller: Caller,
        rules: &Rules,
    ) -> Result<Response<Answer>, NoAnswer> {
        let request = &mut checked.request;
        // Apart from the request while both are looked at.
        let mut fields = std::mem::take(request.headers_mut());
        let exchange = rules.table().judge_request(request.method(), request.uri().path(), &mut fields);
        *request.headers_mut() = fields;
        rules.note_request(&exchange, &*self.sink);
        if let Some(status) = exchange.refusal() {
            return Ok(own::told(status, "there is nothing here"));
        }
        let armed = self.tripwire.as_ref().map(|tripwire| {
            let personal = exchange.resolved().is_personal();
            let Checked { request, host, .. } = &mut checked;
            let asked = tripwire.of_request(request, host, caller, &self.settings, personal);
            (tripwire, asked)
        });
        let mut answer = forward::send(checked, caller, &self.settings, &self.pool).await?;
        // After it come bytes of another protocol; there is nothing that a cache could keep.
        if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Ok(answer);
        }
        let verdict = exchange.judge_response(answer.status(), answer.headers_mut());
        rules.note_answer(&exchange, verdict.findings, &*self.sink);
        if let Some(status) = verdict.replace {
            return Ok(own::told(status, "the system's answer cannot be used"));
        }
        let route = exchange.resolved().route.map(edge::Route::name);
        let personal = exchange.resolved().is_personal() || verdict.leaves == Leaves::Personal;
        Ok(match armed {
            Some((tripwire, asked)) => tripwire.arm(asked, route, personal, answer),
            None => answer,
        })
    }
}
