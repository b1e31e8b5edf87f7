//! What a mail carries for its provider: the mark that it repeats in its webhooks, and that nobody is to be watched or left out.

use bounces::providers::MARK;
use lettre::message::header::{HeaderName, HeaderValue};

use crate::config::MailProvider;

/// The headers of a mail. A provider takes them out before it sends the mail on.
pub fn of(provider: MailProvider, token: Option<&str>, configuration_set: &str) -> Vec<HeaderValue> {
    match provider {
        MailProvider::None => Vec::new(),
        MailProvider::Ses => {
            let tags = token.map(|token| header("X-SES-MESSAGE-TAGS", &format!("{MARK}={token}")));
            let set = Some(configuration_set).filter(|set| !set.is_empty());
            tags.into_iter().chain(set.map(|set| header("X-SES-CONFIGURATION-SET", set))).collect()
        }
        MailProvider::Sendgrid => vec![header("X-SMTPAPI", &smtp_api(token))],
        MailProvider::Postmark => {
            let mark = token.map(|token| header("X-PM-Metadata-suimon", token));
            let unwatched = [header("X-PM-TrackOpens", "false"), header("X-PM-TrackLinks", "None")];
            mark.into_iter().chain(unwatched).collect()
        }
    }
}

/// SendGrid's own JSON. Its lists of those who get nothing more are not for what the law wants to be told, and a link that leads through
/// somebody else's server is not what was approved.
fn smtp_api(token: Option<&str>) -> String {
    let mark =
        token.map(|token| format!("\"unique_args\":{{\"{MARK}\":\"{token}\"}},\r\n ")).unwrap_or_default();
    let set = |name: &str, enable: u8| format!("\"{name}\":{{\"settings\":{{\"enable\":{enable}}}}}");
    let (lists, clicks, opens) =
        (set("bypass_list_management", 1), set("clicktrack", 0), set("opentrack", 0));
    format!("{{{mark}\"filters\":{{{lists},\r\n {clicks},{opens}}}}}")
}

/// Values of our own making: letters, digits and marks of ASCII, in lines that are short enough.
fn header(name: &'static str, value: &str) -> HeaderValue {
    let plain = value.replace("\r\n", "");
    HeaderValue::dangerous_new_pre_encoded(HeaderName::new_from_ascii_str(name), plain, value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sendgrid_gets_one_json_in_short_lines() {
        let text = smtp_api(Some(&"a".repeat(42)));
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["unique_args"]["suimon"], "a".repeat(42));
        assert_eq!(read["filters"]["bypass_list_management"]["settings"]["enable"], 1);
        assert_eq!(read["filters"]["clicktrack"]["settings"]["enable"], 0);
        assert_eq!(read["filters"]["opentrack"]["settings"]["enable"], 0);
        assert!(text.split("\r\n").all(|line| line.len() <= 80), "{text}");
        assert!(serde_json::from_str::<serde_json::Value>(&smtp_api(None)).is_ok());
    }
}
