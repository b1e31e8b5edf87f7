//! A guard: the reverse proxy in front of a system with personal pages. It applies what the system's requirements state to each
//! answer on its way out, and refuses what two programs could read in two ways on its way in.
//!
//! It knows no database and reads no file: whoever runs it gives it [`Settings`], a listener and the end.

pub mod access_log;
pub mod admission;
mod body;
pub mod fields;
mod forward;
pub mod gate;
mod head;
pub mod identity;
mod listen;
mod multiplexed;
mod origin;
mod own;
mod places;
mod prompt;
mod rules;
pub mod settings;
mod streams;
mod table;
mod tls;
mod to_its_end;
pub mod tripwire;
mod tunnel;
mod upload;

pub use access_log::AccessLog;
pub use body::Answer;
pub use fields::{Caller, client};
pub use head::Refusal;
pub use identity::Identity;
pub use listen::serve;
pub use origin::{NoAnswer, OriginError};
pub use places::Connections;
pub use prompt::Prompt;
pub use rules::{Count, Found, Judged, Rules, Sink};
pub use settings::Settings;
pub use tls::Tls;
pub use tripwire::Tripwire;
pub use upload::Fault;

use std::sync::Arc;

use admission::Admission;
use arc_swap::ArcSwap;
use edge::policy::{Exchange, Kind, Leaves};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;

use access_log::About;
use forward::Checked;
use origin::Pool;
use places::Places;
use to_its_end::ToItsEnd;

/// What answers requests.
pub struct Guard {
    settings: Arc<Settings>,
    pool: Arc<Pool>,
    rules: ArcSwap<Rules>,
    sink: Arc<dyn Sink>,
    identity: Option<Arc<Identity>>,
    access_log: Option<Arc<AccessLog>>,
    admission: Option<Arc<Admission>>,
    tripwire: Option<Tripwire>,
    places: Places,
}

impl Guard {
    /// In front of the origin of these settings, under these rules; connects to nobody yet. The sink is told what was wrong.
    ///
    /// # Errors
    /// What is wrong with how the origin is set up.
    pub fn new(settings: Settings, rules: Rules, sink: Arc<dyn Sink>) -> Result<Self, OriginError> {
        let pool = Pool::new(&settings.origin, &settings.limits, &settings.patience)?;
        let rules = ArcSwap::from_pointee(rules);
        let places = Places::new(settings.limits.connections);
        Ok(Self {
            settings: Arc::new(settings),
            pool: Arc::new(pool),
            rules,
            sink,
            identity: None,
            admission: None,
            access_log: None,
            tripwire: None,
            places,
        })
    }

    /// Keeps people waiting when there are more than the system bears.
    #[must_use]
    pub fn with_admission(mut self, admission: Arc<Admission>) -> Self {
        self.admission = Some(admission);
        self
    }

    /// Marks each personal page, so that it tells when somebody else holds it.
    #[must_use]
    pub fn with_tripwire(mut self, tripwire: Tripwire) -> Self {
        self.tripwire = Some(tripwire);
        self
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How many connections there are.
    pub fn connections(&self) -> Connections {
        self.places.count()
    }

    pub(crate) fn places(&self) -> &Places {
        &self.places
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

    /// Knows whose request it is, and keeps answers about one person from another.
    #[must_use]
    pub fn with_identity(mut self, identity: Arc<Identity>) -> Self {
        self.identity = Some(identity);
        self
    }

    /// Keeps a record of each personal answer.
    #[must_use]
    pub fn with_access_log(mut self, log: Arc<AccessLog>) -> Self {
        self.access_log = Some(log);
        self
    }

    /// One request's answer.
    pub async fn answer(&self, request: Request<Incoming>, caller: Caller) -> Response<Answer> {
        let (version, head) = (request.version(), own::is_head(request.method()));
        let answer = self.answer_to(request, caller, version).await;
        if head { own::without_body(answer) } else { answer }
    }

    async fn answer_to(
        &self,
        request: Request<Incoming>,
        caller: Caller,
        version: http::Version,
    ) -> Response<Answer> {
        match forward::check(request, &self.settings) {
            // Held to the end: whatever is put into force meanwhile, the answer is judged as the request was.
            Ok(checked) if checked.request.uri().path().starts_with(own::PATHS) => {
                Box::pin(self.of_its_own(checked, caller)).await
            }
            Ok(checked) => self.by_rules(checked, caller, &self.rules()).await,
            Err(refusal) => self.own(own::refused(refusal, version)),
        }
    }

    /// Paths of the guard itself.
    async fn of_its_own(&self, checked: Box<Checked>, caller: Caller) -> Response<Answer> {
        if let Some(public) = self.admission.as_ref().and_then(|admission| admission.own(&checked.request)) {
            return self.own(public);
        }
        let Checked { request, host, tunnel: _ } = *checked;
        match &self.tripwire {
            Some(tripwire) if tripwire::is_own(request.uri().path()) => {
                self.own(tripwire.answer(request, &host, caller, &self.settings).await)
            }
            _ => self.own(own::told(StatusCode::NOT_FOUND, "there is nothing here")),
        }
    }

    async fn by_rules(&self, mut checked: Box<Checked>, caller: Caller, rules: &Rules) -> Response<Answer> {
        let request = &mut checked.request;
        // Apart from the request while both are looked at.
        let mut fields = std::mem::take(request.headers_mut());
        let exchange = rules.table().judge_request(request.method(), request.uri().path(), &mut fields);
        *request.headers_mut() = fields;
        rules.note_request(&exchange, &*self.sink);
        let Some(log) = &self.access_log else {
            return self.pass(checked, caller, rules, &exchange).await.answer;
        };
        let trusted = fields::is_trusted(caller.address.ip(), &self.settings.trusted);
        let edge = access_log::edge_id(checked.request.headers(), &self.settings.edge_ids, trusted);
        let head = own::is_head(checked.request.method());
        let Passed { answer, asked, own, proven } = self.pass(checked, caller, rules, &exchange).await;
        let resolved = exchange.resolved();
        let class = if resolved.is_personal() {
            access_log::Class::Personal
        } else if proven {
            access_log::Class::Proven
        } else {
            return answer;
        };
        let (route, rules) = (resolved.route.map(edge::Route::name), rules.version());
        log.note(answer, About { route, class, rules, asked: asked.as_ref(), edge, own, head })
    }

    async fn pass(
        &self,
        mut checked: Box<Checked>,
        caller: Caller,
        rules: &Rules,
        exchange: &Exchange<'_>,
    ) -> Passed {
        let own = |answer, asked| Passed { answer: self.own(answer), asked, own: true, proven: false };
        if let Some(status) = exchange.refusal() {
            return own(own::told(status, "there is nothing here"), None);
        }
        let mut asked = None;
        if let Some(identity) = &self.identity {
            let tunnel = checked.tunnel;
            let (known, instead) = identity.of_request(&mut checked.request, exchange, tunnel, &*self.sink);
            if let Some(answer) = instead {
                return Passed { answer, asked: Some(known), own: true, proven: false };
            }
            asked = Some(known);
        }
        let mut admitted = None;
        if let Some(admission) = &self.admission {
            let public = exchange.resolved().may_be_stored();
            match Box::pin(admission.ask(&mut checked, caller, &self.settings.trusted, public)).await {
                Ok(pass) => admitted = Some(pass),
                Err(answer) => return own(*answer, asked),
            }
        }
        let armed = self.tripwire.as_ref().map(|tripwire| {
            let personal = exchange.resolved().is_personal();
            let Checked { request, host, .. } = &mut *checked;
            let asked = tripwire.of_request(request, host, caller, &self.settings, personal);
            (tripwire, asked)
        });
        let hidden = asked.as_ref().map(identity::Asked::hidden);
        let version = checked.request.version();
        let (settings, pool, counted) = (
            self.settings.clone(),
            self.pool.clone(),
            admitted.as_ref().is_some_and(admission::Pass::holds_a_place),
        );
        let sending = async move {
            let sent = forward::send(checked, caller, &settings, &pool, hidden).await;
            if let Some(pass) = &mut admitted {
                pass.answered(&sent);
            }
            (sent, admitted)
        };
        // Most origins work on for a client that broke off: its place in flight is taken until the answer, or until patience ends.
        // Nothing bounds how many are under way without a place: they end with their client.
        let (sent, admitted) = if counted { ToItsEnd::new(sending).await } else { sending.await };
        let mut answer = match sent {
            Ok(answer) => answer,
            Err(why) => {
                tracing::warn!(%why, "the origin gave no answer");
                let mut answer = own::no_answer(&why, version);
                leave(admitted, &mut answer);
                return own(answer, asked);
            }
        };
        if let (Some(identity), Some(asked_for)) = (&self.identity, &mut asked)
            && let Some(mut answer) = identity.of_answer(asked_for, &mut answer, &*self.sink)
        {
            leave(admitted, &mut answer);
            return Passed { answer, asked, own: true, proven: false };
        }
        // After it come bytes of another protocol; there is nothing that a cache could keep.
        if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Passed { answer, asked, own: false, proven: false };
        }
        let names_subject = asked.as_ref().is_some_and(identity::Asked::names_subject);
        let judged = if names_subject { exchange.naming_a_subject() } else { *exchange };
        let verdict = judged.judge_response(answer.status(), answer.headers_mut());
        rules.note_answer(exchange, verdict.findings, &*self.sink);
        let mut replaced =
            verdict.replace.map(|status| own::told(status, "the system's answer cannot be used"));
        leave(admitted, replaced.as_mut().unwrap_or(&mut answer));
        if let Some(answer) = replaced {
            return own(answer, asked);
        }
        let proven = PROVE.iter().any(|kind| verdict.findings.contains(*kind));
        if let Some((tripwire, request)) = armed {
            let route = exchange.resolved().route.map(edge::Route::name);
            let personal = exchange.resolved().is_personal() || verdict.leaves == Leaves::Personal;
            let owner =
                self.access_log.as_ref().zip(asked.as_ref()).and_then(|(log, asked)| log.owner(asked));
            if let Some(owner) = owner {
                answer.extensions_mut().insert(tripwire::Owner(owner.into()));
            }
            answer = tripwire.arm(request, route, personal, answer);
            // One name of a response in what browsers report and in the log.
            if let Some(id) = answer.extensions().get::<tripwire::ResponseId>().copied() {
                answer.extensions_mut().insert(access_log::ResponseId(id.0));
            }
        }
        Passed { answer, asked, own: false, proven }
    }

    /// An answer of the guard itself, as an edge wants it that compares tags.
    fn own(&self, answer: Response<Answer>) -> Response<Answer> {
        match &self.identity {
            Some(identity) => identity.own(answer),
            None => answer,
        }
    }
}

/// Whoever was let in keeps the place, whatever the answer is: without the ticket the next request would take another one.
fn leave(admitted: Option<admission::Pass>, answer: &mut Response<Answer>) {
    if let Some(pass) = admitted {
        pass.leave(answer.headers_mut());
    }
}

/// An answer, and what is known of it.
struct Passed {
    answer: Response<Answer>,
    asked: Option<identity::Asked>,
    /// The guard's own.
    own: bool,
    /// On a public route, and one person's all the same.
    proven: bool,
}

/// Of these, each says that a public route's answer is one person's.
const PROVE: [Kind; 6] = [
    Kind::PublicSetsCookie,
    Kind::PublicSaysPrivate,
    Kind::PublicVariesByPerson,
    Kind::PublicWithAuthorization,
    Kind::PublicNamesSubject,
    Kind::PublicAuthenticates,
];
