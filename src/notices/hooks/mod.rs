//! Webhooks of the large providers of mail: what they say of a message is recorded as if it had come back by mail.
//!
//! Who speaks is known by the provider's signature, or by a secret where it signs nothing; whom it is about by the mark that the mail
//! carried, which only this service can make. What is posted names people: nothing of it is kept or logged but codes, and the SHA-256 of
//! what the provider calls the event, by which a repeat is known.

mod counts;
pub(super) mod headers;
mod sns;

use std::sync::Arc;

use bounces::ReturnPath;
use bounces::providers::{Event as Said, Refused, Report, Why, postmark, sendgrid, ses};
use jiff::Timestamp;
use uuid::Uuid;

use self::counts::{Aside, Counts};
use self::sns::Sns;
use super::came_back::{self, News, Taken};
use super::model::Reason;
use super::returns::{KNOWN_BY_ID, kind_of_verdict};
use super::store_events::{EventKind, NewEvent};
use super::{compose, store_messages};
use crate::access::{Reach, Scope};
use crate::app::App;
use crate::audit::Event;
use crate::config::MailConfig;
use crate::error::Result;

/// Events of one post that cannot be recorded before the rest of it is not tried.
const MOST_FAILURES: u32 = 3;

/// Who posts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Provider {
    Ses,
    Sendgrid,
    Postmark,
}

impl Provider {
    /// As recorded, and in the address that it posts to.
    pub const fn as_str(self) -> &'static str {
        match self {
            Provider::Ses => "ses",
            Provider::Sendgrid => "sendgrid",
            Provider::Postmark => "postmark",
        }
    }

    /// Those whose webhooks are configured.
    pub fn configured(mail: &MailConfig) -> Vec<Self> {
        [
            (Provider::Ses, !mail.ses_topic.is_empty()),
            (Provider::Sendgrid, !mail.sendgrid_public_key.is_empty()),
            (Provider::Postmark, !mail.postmark_secret.is_empty()),
        ]
        .into_iter()
        .filter_map(|(provider, is_on)| is_on.then_some(provider))
        .collect()
    }
}

/// What is posted: the headers that show who speaks, and the bytes as they came.
pub struct Posted<'p> {
    pub authorization: Option<&'p [u8]>,
    pub secret: Option<&'p [u8]>,
    pub signature: Option<&'p [u8]>,
    pub timestamp: Option<&'p [u8]>,
    pub body: &'p [u8],
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// All that is about messages of ours is recorded, now or before.
    Done,
    /// It is not the provider's, or not for us.
    Refused,
    /// Not all could be recorded yet: the provider is to post it again.
    Later,
}

/// The webhooks of an installation.
pub struct Hooks {
    app: Arc<App>,
    marks: ReturnPath,
    sns: Sns,
    sendgrid: Option<sendgrid::Key>,
    counts: Counts,
}

impl Hooks {
    /// From the configuration.
    ///
    /// # Errors
    /// When what it names cannot be read.
    pub fn new(app: &Arc<App>) -> anyhow::Result<Self> {
        let config = &app.config().mail;
        let shown = Some(&config.sendgrid_public_key).filter(|key| !key.is_empty());
        Ok(Self {
            app: app.clone(),
            marks: compose::marks(app)?,
            sns: Sns::new(config)?,
            sendgrid: shown.map(|key| sendgrid::Key::read(key)).transpose()?,
            counts: Counts::default(),
        })
    }

    /// Takes what was posted.
    ///
    /// # Errors
    /// Unexpected ones only: then the provider is to post it again.
    pub async fn take(&self, provider: Provider, posted: &Posted<'_>) -> Result<Answer> {
        let now = self.app.clock().now();
        let read = match provider {
            Provider::Ses => self.ses(posted.body, now).await,
            Provider::Sendgrid => self.sendgrid(posted, now),
            Provider::Postmark => self.postmark(posted),
        };
        match read {
            Ok(Read::Reports(reports)) => self.record(provider, reports, now).await,
            Ok(Read::Subscription(url)) => self.confirm(&url).await,
            Ok(Read::Ended) => {
                tracing::warn!("the subscription of mail.ses_topic was ended: SES tells nothing any more");
                self.note("hook.ended").await
            }
            Ok(Read::NotUnderstood) => {
                tracing::warn!(provider = provider.as_str(), "a webhook was not understood");
                self.counts.note(&self.app, provider, Aside::NotUnderstood, 1);
                Ok(Answer::Done)
            }
            Ok(Read::Later) => Ok(Answer::Later),
            Err(refused) => {
                self.counts.note(&self.app, provider, Aside::Refused(why(refused)), 1);
                Ok(Answer::Refused)
            }
        }
    }

    /// Records what was counted.
    pub async fn flush(&self) {
        self.counts.flush(&self.app).await;
    }

    async fn ses(&self, body: &[u8], now: Timestamp) -> std::result::Result<Read, Refused> {
        let envelope = ses::Envelope::read(body)?;
        // Before anything is asked for it.
        envelope.check(&self.app.config().mail.ses_topic, now)?;
        let url = envelope.certificate_url(self.sns.place())?;
        let certificates = match self.sns.certificates(url).await {
            Ok(certificates) => certificates,
            Err(error) => {
                tracing::warn!(%error, "the certificate of SNS cannot be had");
                return Ok(Read::Later);
            }
        };
        envelope.verify(&certificates, now)?;
        Ok(match envelope.kind(self.sns.place()) {
            Ok(ses::Kind::Notification(reports)) => Read::Reports(reports),
            Ok(ses::Kind::Confirmation(url)) => Read::Subscription(url),
            Ok(ses::Kind::Ended) => Read::Ended,
            Err(Refused::WrongPlace) => return Err(Refused::WrongPlace),
            Err(_) => Read::NotUnderstood,
        })
    }

    fn sendgrid(&self, posted: &Posted<'_>, now: Timestamp) -> std::result::Result<Read, Refused> {
        let key = self.sendgrid.as_ref().ok_or(Refused::WrongSignature)?;
        key.verify(posted.signature, posted.timestamp, posted.body, now)?;
        Ok(sendgrid::parse(posted.body).map_or(Read::NotUnderstood, Read::Reports))
    }

    fn postmark(&self, posted: &Posted<'_>) -> std::result::Result<Read, Refused> {
        let secret = self.app.config().mail.postmark_secret.expose();
        postmark::verify(posted.authorization, posted.secret, secret)?;
        Ok(postmark::parse(posted.body).map_or(Read::NotUnderstood, Read::Reports))
    }

    /// Each by itself: what is recorded stays recorded, and the provider's repeat finds it.
    async fn record(&self, provider: Provider, reports: Vec<Report>, now: Timestamp) -> Result<Answer> {
        let scope = scope(&self.app)?;
        let (mut not_ours, mut early, mut failed) = (0, false, 0);
        for report in reports {
            match self.record_one(&scope, provider, report, now).await {
                Ok(Taken::Recorded) => {}
                Ok(Taken::NotOurs) => not_ours += 1,
                Ok(Taken::TooEarly) => early = true,
                // One that cannot be recorded stops no others; a database that is away stops them all.
                Err(error) if failed < MOST_FAILURES => {
                    tracing::error!(%error, provider = provider.as_str(), "a webhook's event could not be recorded");
                    failed += 1;
                }
                Err(error) => return Err(error),
            }
        }
        self.counts.note(&self.app, provider, Aside::NotOurs, not_ours);
        Ok(if early || failed > 0 { Answer::Later } else { Answer::Done })
    }

    async fn record_one(
        &self,
        scope: &Scope,
        provider: Provider,
        report: Report,
        now: Timestamp,
    ) -> Result<Taken> {
        match self.news(scope, provider, report, now).await? {
            Some(news) => came_back::record(scope, news).await,
            None => Ok(Taken::NotOurs),
        }
    }

    async fn news(
        &self,
        scope: &Scope,
        provider: Provider,
        report: Report,
        now: Timestamp,
    ) -> Result<Option<News>> {
        let own = report
            .marks
            .iter()
            .find_map(|mark| self.marks.message_of_token(mark).or_else(|| self.marks.message_of(mark)));
        let message = match (own, &report.about) {
            (Some((message, _)), _) => Some(Uuid::from_bytes(message)),
            (None, Some(about)) => store_messages::by_message_id(scope, &format!("<{about}>")).await?,
            (None, None) => None,
        };
        let Some(message) = message else { return Ok(None) };
        let (kind, reason, why) = match report.event {
            Said::Delivery(verdict) => (kind_of_verdict(verdict), None, None),
            Said::Withheld(why) => (EventKind::Suppressed, Some(reason_of(why)), Some(why.as_str())),
            Said::Complaint => (EventKind::Complaint, None, None),
            Said::AutomaticAnswer => (EventKind::AutomaticAnswer, None, None),
            Said::Unknown => (EventKind::CameBack, None, None),
        };
        let code = report.code.map(|code| code.to_string()).or_else(|| why.map(str::to_owned));
        let new = NewEvent {
            at: report.at.filter(|at| (Timestamp::UNIX_EPOCH..=now).contains(at)),
            code,
            reply_code: report.reply,
            source: Some(format!("{}:{}", provider.as_str(), report.id)),
            note: own.is_none().then(|| KNOWN_BY_ID.to_owned()),
            ..NewEvent::default()
        };
        let (is_proven, mail) = (own.is_some(), own.and_then(|(_, mail)| mail));
        Ok(Some(News { message, is_proven, mail, kind, reason, new, while_waiting: true }))
    }

    async fn confirm(&self, url: &str) -> Result<Answer> {
        match self.sns.confirm(url).await {
            Ok(()) => self.note("hook.subscribed").await,
            Err(error) => {
                tracing::warn!(%error, "the subscription of mail.ses_topic cannot be confirmed");
                Ok(Answer::Later)
            }
        }
    }

    async fn note(&self, action: &'static str) -> Result<Answer> {
        let scope = scope(&self.app)?;
        scope.record(scope.tenant(), vec![Event::new(action, "hook:ses")]).await?;
        Ok(Answer::Done)
    }
}

/// What a post turned out to be.
enum Read {
    Reports(Vec<Report>),
    Subscription(String),
    Ended,
    NotUnderstood,
    Later,
}

/// The messages are the operator's.
fn scope(app: &Arc<App>) -> Result<Scope> {
    Ok(Scope::system(app, app.root()?, Reach::All, "webhook of a provider"))
}

const fn reason_of(why: Why) -> Reason {
    if why.is_of_a_list() { Reason::Suppressed } else { Reason::Withheld }
}

/// For the audit log.
const fn why(refused: Refused) -> &'static str {
    match refused {
        Refused::Unsigned => "not signed",
        Refused::WrongSignature => "wrongly signed",
        Refused::WrongTime => "signed at another time",
        Refused::WrongTopic => "of another topic",
        Refused::WrongPlace => "names another place",
        Refused::Unreadable => "not readable",
        Refused::TooLarge => "too large",
    }
}
