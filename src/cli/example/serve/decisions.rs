//! Asks Suimon whether somebody may book a slot (AuthZEN Authorization API 1.0).

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::json;

use crate::cli::Failure;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// A service that decides.
pub struct Decisions {
    http: reqwest::Client,
    url: reqwest::Url,
    token: String,
}

/// What came of a question.
pub enum Verdict {
    Yes,
    /// And by which requirement, where the answer names one.
    No(Option<String>),
    /// Nobody answered: nothing is booked.
    Unanswered,
}

#[derive(Deserialize)]
struct Answer {
    decision: bool,
    #[serde(default)]
    context: Reasons,
}

#[derive(Default, Deserialize)]
struct Reasons {
    id: Option<String>,
}

impl Decisions {
    /// # Errors
    /// When the file with the token cannot be read.
    pub fn new(url: reqwest::Url, token: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(token).map_err(|error| {
            Failure::usage(format!("--authzen-token-file {}: cannot be read ({error})", token.display()))
        })?;
        let token = text.lines().next().unwrap_or_default().trim().to_owned();
        if url.scheme() != "http" {
            return Err(Failure::usage(
                "--authzen: an example asks over plain http; write it as http://127.0.0.1:8480",
            ));
        }
        let url = url.join("/access/v1/evaluation").context("--authzen")?;
        let http =
            reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().context("the HTTP client")?;
        Ok(Self { http, url, token })
    }

    /// Whether somebody of this role may book a slot that accepts bookings or does not. People are named by words that mean nothing outside
    /// the application.
    pub async fn may_book(&self, role: &str, channel: &str, slot: &str, accepts_bookings: bool) -> Verdict {
        let question = json!({
            "subject": { "type": "visitor", "id": role, "properties": { "roles": [role] } },
            "action": { "name": "book" },
            "resource": { "type": "slot", "id": slot, "properties": { "accepts_bookings": accepts_bookings } },
            "context": { "system": "vaccine-booking", "channel": channel },
        });
        let asked = self.http.post(self.url.clone()).bearer_auth(&self.token).json(&question).send().await;
        let answer = match asked.and_then(reqwest::Response::error_for_status) {
            Ok(answer) => answer.json::<Answer>().await,
            Err(error) => Err(error),
        };
        match answer {
            Ok(Answer { decision: true, .. }) => Verdict::Yes,
            Ok(Answer { decision: false, context }) => Verdict::No(context.id),
            Err(error) => {
                tracing::warn!(error = %error.without_url(), "no decision; nothing is booked");
                Verdict::Unanswered
            }
        }
    }
}
