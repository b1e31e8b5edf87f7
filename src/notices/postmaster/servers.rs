//! The mail servers of the configuration: whether they let this service in. No mail is sent.

use super::{About, Finding, State};
use crate::config::{MailConfig, SmtpTls};
use crate::notices::relays::Relays;
use crate::notices::smtp::Greeting;

/// Looks at each in turn.
pub async fn look(config: &MailConfig) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (place, greeting) in Relays::new(config)?.greet().await {
        findings.push(match greeting {
            Ok(greeting) => let_in(config.smtp_tls, place, greeting),
            Err(reason) => Finding::new(About::Server, State::Wrong, place, reason.as_str()).remedy(match config.smtp_tls {
                SmtpTls::None => "see that it runs, that this machine may reach it, and what its log says",
                _ => "see that it runs, that this machine may reach it, that its certificate is for this name (mail.smtp_ca_file), and what its log says",
            }),
        });
    }
    Ok(findings)
}

fn let_in(tls: SmtpTls, place: String, greeting: Greeting) -> Finding {
    let commands = if greeting.pipelines { "takes commands at once" } else { "takes commands one by one" };
    match tls {
        SmtpTls::None if !greeting.is_own_machine => Finding::new(
            About::Server,
            State::Warning,
            place,
            format!("lets this service in without TLS, {commands}"),
        )
        .remedy("set mail.smtp_tls: names and addresses go there in clear"),
        SmtpTls::None => Finding::good(About::Server, place, format!("lets this service in, {commands}")),
        _ => Finding::good(About::Server, place, format!("lets this service in by TLS, {commands}")),
    }
}
