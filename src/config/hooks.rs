//! What providers of mail and their webhooks want of the configuration.

use bounces::providers::sendgrid::Key;
use openidconnect::url::Url;

use super::MailConfig;
use crate::outbound;

/// What must hold, and what is said where it does not.
pub fn check(mail: &MailConfig) -> [(bool, &'static str); 6] {
    let is_plain = |text: &str| text.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_');
    let (set, topic, endpoint) = (&mail.ses_configuration_set, &mail.ses_topic, &mail.ses_endpoint);
    let (key, secret) = (&mail.sendgrid_public_key, mail.postmark_secret.expose());
    [
        (
            is_plain(set) && set.len() <= 64,
            "mail.ses_configuration_set: wants at most 64 letters, digits, - and _",
        ),
        (
            topic.is_empty() || is_topic(topic),
            "mail.ses_topic: wants the ARN of a topic, such as arn:aws:sns:ap-northeast-1:123456789012:notices",
        ),
        (
            endpoint.is_empty() || is_place(endpoint),
            "mail.ses_endpoint: wants https:// (or http:// on the own machine), without a path or a user",
        ),
        (
            !topic.is_empty() || (endpoint.is_empty() && mail.ses_certificate_file.is_empty()),
            "mail.ses_topic: wants an ARN, because mail.ses_endpoint or mail.ses_certificate_file is given",
        ),
        (
            key.is_empty() || Key::read(key).is_ok(),
            "mail.sendgrid_public_key: wants the verification key that SendGrid shows (P-256, in base64)",
        ),
        (secret.is_empty() || secret.len() >= 16, "mail.postmark_secret: wants at least 16 characters"),
    ]
}

/// `arn:<partition>:sns:<region>:<account>:<name>`.
fn is_topic(arn: &str) -> bool {
    let parts: Vec<&str> = arn.split(':').collect();
    let is_word = |part: &&str| {
        !part.is_empty() && part.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.'))
    };
    parts.len() == 6
        && parts[0] == "arn"
        && parts[2] == "sns"
        && parts.iter().all(is_word)
        && arn.len() <= 400
}

fn is_place(text: &str) -> bool {
    let text = text.trim_end_matches('/');
    Url::parse(text).is_ok_and(|url| {
        let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        // Compared letter by letter with what SNS names: it must be written as it will be there.
        let written = url.as_str().trim_end_matches('/');
        outbound::is_protected(&url) && is_bare && written == text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_one_and_a_place_has_no_path() {
        for good in ["arn:aws:sns:ap-northeast-1:123456789012:notices", "arn:aws-cn:sns:cn-north-1:1:a_b-c"] {
            assert!(is_topic(good), "{good}");
        }
        for wrong in [
            "notices",
            "arn:aws:sqs:ap-northeast-1:123456789012:notices",
            "arn:aws:sns:x:1:",
            "arn:aws:sns:x:1:a:b",
        ] {
            assert!(!is_topic(wrong), "{wrong}");
        }
        for good in ["https://sns.example", "https://sns.example/", "http://127.0.0.1:4566"] {
            assert!(is_place(good), "{good}");
        }
        for wrong in [
            "http://sns.example",
            "https://SNS.example",
            "https://sns.example/a",
            "https://u@sns.example",
            "sns.example",
        ] {
            assert!(!is_place(wrong), "{wrong}");
        }
    }
}
