//! What is asked of SNS: the certificate that it signs with, and the confirmation of our own topic's subscription. Nothing else is ever
//! asked, and nowhere else.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bounces::providers::{Certificate, ses};
use bytes::Bytes;
use capacity::admission::Rate;
use guard::gate::Gate;
use http::{Request, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use moka::future::Cache;

use crate::config::MailConfig;
use crate::error::{Error, Result};
use crate::outbound;

/// Bytes of an answer: a certificate has two thousand, a confirmation less.
const MOST: usize = 64 << 10;
/// How long an answer may take, from the first byte sent to the last one read.
const TIME: Duration = Duration::from_secs(10);
/// How long a certificate is kept: SNS signs with one for months, and takes another when it likes.
const KEEP: Duration = Duration::from_secs(24 * 3600);
/// Certificates that are kept.
const CERTIFICATES: u64 = 16;
/// Questions a minute, and at once. Whoever knows our topic's name can make us ask for certificates that are not there.
const QUESTIONS: (u32, u32) = (6, 6);

/// SNS, or what speaks as it does.
pub struct Sns {
    place: ses::Place,
    /// Where the configuration has it, nothing is asked.
    own: Option<Arc<Vec<Certificate>>>,
    fetched: Cache<String, Arc<Vec<Certificate>>>,
    questions: Gate<()>,
}

impl Sns {
    /// From the configuration.
    ///
    /// # Errors
    /// When the certificate file cannot be read or holds none.
    pub fn new(config: &MailConfig) -> anyhow::Result<Self> {
        let file = &config.ses_certificate_file;
        let own = if file.is_empty() {
            None
        } else {
            let pem = std::fs::read(file)
                .with_context(|| format!("mail.ses_certificate_file: cannot read {file}"))?;
            let certificates = Certificate::read(&pem)
                .with_context(|| format!("mail.ses_certificate_file: {file} is not what SNS signs with"))?;
            Some(Arc::new(certificates))
        };
        let place = match config.ses_endpoint.trim_end_matches('/') {
            "" => ses::Place::Amazon,
            place => ses::Place::Other(place.to_owned()),
        };
        let (a_minute, burst) = QUESTIONS;
        Ok(Self {
            place,
            own,
            fetched: Cache::builder().max_capacity(CERTIFICATES).time_to_live(KEEP).build(),
            questions: Gate::new((Rate::per_minute(a_minute), burst), 1),
        })
    }

    /// Where certificates and confirmations lie.
    pub fn place(&self) -> &ses::Place {
        &self.place
    }

    /// The certificates at an address that [`ses::Envelope::certificate_url`] let through.
    ///
    /// # Errors
    /// `UNAVAILABLE` when they cannot be had now.
    pub async fn certificates(&self, url: &str) -> Result<Arc<Vec<Certificate>>> {
        if let Some(own) = &self.own {
            return Ok(own.clone());
        }
        // Those who want the same one wait for one question.
        let fetched = self.fetched.try_get_with(url.to_owned(), async {
            let pem = self.get(url).await?;
            Certificate::read(&pem).map(Arc::new).map_err(|_| unavailable())
        });
        fetched.await.map_err(|_: Arc<Error>| unavailable())
    }

    /// Confirms a subscription, at an address that [`ses::Envelope::kind`] let through.
    ///
    /// # Errors
    /// `UNAVAILABLE` when it cannot be done now.
    pub async fn confirm(&self, url: &str) -> Result<()> {
        self.get(url).await.map(|_| ())
    }

    async fn get(&self, url: &str) -> Result<Bytes> {
        self.questions.admits(()).map_err(|_| unavailable())?;
        let connector = outbound::connector(outbound::public_authorities())?;
        let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
        let request = Request::get(url)
            .header(header::USER_AGENT, concat!("suimon/", env!("CARGO_PKG_VERSION")))
            .body(Empty::new())
            .map_err(|_| unavailable())?;
        let whole = async {
            let answer = client.request(request).await.ok()?;
            // A redirect is no answer: it would lead elsewhere.
            if !answer.status().is_success() {
                return None;
            }
            Limited::new(answer.into_body(), MOST).collect().await.ok().map(|body| body.to_bytes())
        };
        tokio::time::timeout(TIME, whole).await.ok().flatten().ok_or_else(unavailable)
    }
}

fn unavailable() -> Error {
    Error::unavailable("SNS")
}
