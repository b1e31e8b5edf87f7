//! How a mail is written: its parts, its return path, its signature.

use std::fmt::Write as _;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::Context;
use bounces::ReturnPath;
use jiff::Timestamp;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::{Address, Message};
use uuid::Uuid;

use super::charset;
use super::dkim::Dkim;
use super::hooks::headers;
use super::mailer::Email;
use super::model::Language;
use super::template::Text;
use crate::app::App;
use crate::config::{MailCharset, MailProvider};

/// What the marks of return paths are made with.
const RETURN_PATH: &str = "suimon return path v1";
/// RFC 3834, 5: nobody's holiday notice shall answer this.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// By what a message is known when something is said of it.
pub struct Marked {
    /// Where it comes back to.
    path: Option<String>,
    /// The word that its provider repeats.
    token: Option<String>,
}

/// Writes mails as the configuration says.
pub struct Composer {
    from: Mailbox,
    returns: Option<ReturnPath>,
    provider: MailProvider,
    marks: Option<ReturnPath>,
    configuration_set: String,
    dkim: Option<Dkim>,
    charset: MailCharset,
}

impl Composer {
    /// From the configuration.
    ///
    /// # Errors
    /// When an address is none, or the key file cannot be read.
    pub fn new(app: &App) -> anyhow::Result<Self> {
        let config = &app.config().mail;
        let from: Address =
            config.from_address.parse().ok().context("mail.from_address is not a mail address")?;
        let name = Some(config.from_name.clone()).filter(|name| !name.is_empty());
        let provider = config.provider;
        let marks = (provider != MailProvider::None).then(|| marks(app)).transpose()?;
        let configuration_set = config.ses_configuration_set.clone();
        let (from, dkim) = (Mailbox::new(name, from), Dkim::new(config)?);
        let charset = config.charset;
        Ok(Self { from, returns: returns(app)?, provider, marks, configuration_set, dkim, charset })
    }

    /// By what a message's mail, the first (0) or a later one, is known when it comes back, or its provider speaks of it. Nothing where
    /// nobody reads what comes back: then it comes back to the sender's address.
    pub fn return_path(&self, message: Uuid, mail: u8) -> Option<Marked> {
        let message = message.into_bytes();
        let path = self.returns.as_ref().map(|returns| returns.address(message, mail));
        let token = self.marks.as_ref().map(|marks| marks.token(message, mail));
        (path.is_some() || token.is_some()).then_some(Marked { path, token })
    }

    /// Writes a mail. `None` when `address` is not a mail address.
    ///
    /// # Errors
    /// Unexpected ones only; their text holds no address.
    pub fn compose(
        &self,
        message_id: &str,
        address: &str,
        marked: Option<Marked>,
        text: &Text,
        language: Language,
        at: Timestamp,
    ) -> anyhow::Result<Option<Email>> {
        // An address outside ASCII needs SMTPUTF8 (RFC 6531) on every server of its way; we do not promise that.
        let address = address.trim();
        let Some(to) = address.parse::<Address>().ok().filter(|_| address.is_ascii()) else {
            return Ok(None);
        };
        let Marked { path, token } = marked.unwrap_or(Marked { path: None, token: None });
        let return_path = match path {
            Some(path) => path.parse().ok().context("a return path is no mail address")?,
            None => self.from.email.clone(),
        };
        let seconds = u64::try_from(at.as_second()).unwrap_or_default();
        let japanese = self.charset == MailCharset::Iso2022Jp && language == Language::Ja;
        let japanese = japanese.then(|| Japanese::of(&self.from, text)).flatten();
        let plain = match &japanese {
            Some(japanese) => japanese.plain.clone(),
            None => SinglePart::builder().header(ContentType::TEXT_PLAIN).body(text.body.clone()),
        };
        let html = SinglePart::builder().header(ContentType::TEXT_HTML).body(html(text, language));
        let parts =
            MultiPart::alternative().boundary(boundary(message_id)).singlepart(plain).singlepart(html);
        let mut message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to.clone()))
            .subject(text.subject.as_str())
            .date(UNIX_EPOCH + Duration::from_secs(seconds))
            .message_id(Some(message_id.to_owned()))
            .header(AutoSubmitted);
        if let Some(Japanese { from, subject, plain: _ }) = japanese {
            message = message.raw_header(from).raw_header(subject);
        }
        // Not signed: the provider takes them out again.
        for header in headers::of(self.provider, token.as_deref(), &self.configuration_set) {
            message = message.raw_header(header);
        }
        let message = message.multipart(parts).ok().context("a mail could not be built")?;
        let bytes = message.formatted();
        let bytes = match &self.dkim {
            Some(dkim) => dkim.sign(&bytes, at)?,
            None => bytes,
        };
        Ok(Some(Email { message_id: message_id.to_owned(), return_path, to, bytes }))
    }
}

/// What differs in a mail in ISO-2022-JP.
struct Japanese {
    from: HeaderValue,
    subject: HeaderValue,
    plain: SinglePart,
}

impl Japanese {
    /// `None` where the set lacks a character of it.
    fn of(from: &Mailbox, text: &Text) -> Option<Self> {
        let value = |name: &'static str, value: String, encoded: String| {
            HeaderValue::dangerous_new_pre_encoded(HeaderName::new_from_ascii_str(name), value, encoded)
        };
        let sender = match from.name.as_deref().filter(|name| !name.is_ascii()) {
            Some(name) => format!("{}\r\n <{}>", charset::words(name)?, from.email),
            // As the library writes it.
            None => from.to_string(),
        };
        let plain_type = ContentType::parse("text/plain; charset=ISO-2022-JP").ok()?;
        Some(Self {
            from: value("From", from.to_string(), sender),
            subject: value("Subject", text.subject.clone(), charset::words(&text.subject)?),
            plain: SinglePart::builder().header(plain_type).body(charset::body(&text.body)?),
        })
    }
}

/// The same for the same message: a repeat is the same mail to the last byte but for its date.
fn boundary(message_id: &str) -> String {
    let plain: String = message_id.chars().filter(char::is_ascii_alphanumeric).take(40).collect();
    format!("part-{plain}")
}

/// The text as a page for those who read mail so: headings are headings, which programs that read aloud can jump to. No image, no
/// style from elsewhere, no link that the text does not have.
fn html(text: &Text, language: Language) -> String {
    let mut page = String::with_capacity(text.body.len() * 2);
    let _ = write!(
        page,
        "<!doctype html><html lang=\"{}\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{}</title></head><body style=\"font-size:16px;line-height:1.7;max-width:40em;margin:1em auto;padding:0 1em\">",
        language.as_str(),
        document::escaped(&text.subject)
    );
    let blocks = text.body.split("\n\n").map(|block| block.trim_matches('\n'));
    for block in blocks.filter(|block| !block.is_empty()) {
        let (first, rest) = block.split_once('\n').unwrap_or((block, ""));
        let heading = first.strip_prefix("■ ").or_else(|| first.strip_prefix("* "));
        let body = match heading {
            Some(heading) => {
                let _ = write!(page, "<h2 style=\"font-size:18px\">{}</h2>", document::escaped(heading));
                rest
            }
            None => block,
        };
        if !body.is_empty() {
            let lines: Vec<String> = body.split('\n').map(line).collect();
            let _ = write!(page, "<p>{}</p>", lines.join("<br>"));
        }
    }
    page.push_str("</body></html>\n");
    page
}

/// A line that is an address leads there: the recipient's own page, which nobody can type in.
fn line(line: &str) -> String {
    let escaped = document::escaped(line);
    match line.starts_with("https://") && !line.contains(char::is_whitespace) {
        true => format!("<a href=\"{escaped}\">{escaped}</a>"),
        false => escaped,
    }
}

/// The return paths, where somebody reads what comes back.
pub(super) fn returns(app: &App) -> anyhow::Result<Option<ReturnPath>> {
    let config = &app.config().mail;
    if config.return_maildir.is_empty() { Ok(None) } else { marks(app).map(Some) }
}

/// What marks are made with, and known by, whether or not mails come back to them.
pub(super) fn marks(app: &App) -> anyhow::Result<ReturnPath> {
    let config = &app.config().mail;
    let key = app.master().derive(RETURN_PATH);
    let returns = ReturnPath::new(*key, &config.return_prefix, config.return_domain());
    returns.context("mail.return_prefix and mail.return_domain")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_headings_and_evaluates_nothing() {
        let body = "山田 様\n\n■ 何が起きたか\n<script>x</script>\n二行目\n\n* End\n";
        let page = html(&Text { subject: "a <b>".into(), body: body.into() }, Language::Ja);
        assert!(page.contains("<html lang=\"ja\">") && page.contains("<title>a &lt;b&gt;</title>"), "{page}");
        let first =
            "<h2 style=\"font-size:18px\">何が起きたか</h2><p>&lt;script&gt;x&lt;/script&gt;<br>二行目</p>";
        assert!(page.contains(first), "{page}");
        let linked = html(
            &Text { subject: String::new(), body: "https://a.example/my/x\"y\nb\n".into() },
            Language::En,
        );
        let address = "https://a.example/my/x&quot;y";
        assert!(linked.contains(&format!("<p><a href=\"{address}\">{address}</a><br>b</p>")), "{linked}");
        assert!(page.contains("<h2 style=\"font-size:18px\">End</h2></body>"), "{page}");
    }
}
