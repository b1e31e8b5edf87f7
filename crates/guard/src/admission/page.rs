//! What those are told who cannot go on now: a page in Japanese and English that needs no script, or JSON (RFC 9457).

use std::fmt::Write;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use sha2::{Digest, Sha256};

use crate::body::Answer;

/// Why somebody cannot go on now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// In line. Minutes: an estimate, if there is one.
    Waits { number: u64, position: u64, minutes: Option<u64> },
    /// Numbers are given later: in so many minutes.
    Early { minutes: u64 },
    /// It is this visitor's turn; the next request goes on.
    Turn,
    /// No place to wait.
    Full,
    /// The draw was made, for others.
    Closed,
    /// Inside, and faster than the system.
    Busy,
}

/// Languages of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lang {
    Ja,
    En,
}

/// The one that the browser asks for (RFC 9110 section 12.5.4); Japanese, when it asks for neither.
pub(super) fn lang(fields: &HeaderMap) -> Lang {
    let mut best = (0_u32, Lang::Ja);
    let lines = fields.get_all(header::ACCEPT_LANGUAGE).iter().filter_map(|line| line.to_str().ok());
    for range in lines.flat_map(|line| line.split(',')).take(32) {
        let mut parts = range.split(';');
        let tag = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
        let lang = match tag.split('-').next() {
            Some("ja") => Lang::Ja,
            Some("en") => Lang::En,
            _ => continue,
        };
        let quality =
            parts.find_map(|part| part.trim().strip_prefix("q=")?.parse::<f32>().ok()).unwrap_or(1.0);
        // In thousandths, as precise as it may be said; what is no number counts as nothing.
        let quality = (quality.clamp(0.0, 1.0) * 1_000.0) as u32;
        if quality > best.0 {
            best = (quality, lang);
        }
    }
    best.1
}

/// Text of the page in one language.
struct Words {
    title: &'static str,
    lines: Vec<String>,
    note: &'static str,
}

fn words(why: Why, lang: Lang) -> Words {
    let ja = lang == Lang::Ja;
    let pick = |japanese: &'static str, english: &'static str| if ja { japanese } else { english };
    let keep = pick(
        "この画面は自動で更新されます。閉じずにお待ちください。通信が切れても、しばらくの間は順番が保たれます。",
        "This page renews itself. Please keep it open. If the connection breaks, your place is kept for a while.",
    );
    let (title, lines, note) = match why {
        Why::Waits { number, position, minutes } => {
            let mut lines = if ja {
                vec![format!("受付番号は {number} です。"), format!("あと {position} 番で順番が来ます。")]
            } else {
                vec![format!("Your number is {number}."), format!("{position} more to your turn.")]
            };
            match (minutes, ja) {
                (Some(minutes), true) => lines.push(format!("待ち時間の目安は約 {minutes} 分です。")),
                (Some(minutes), false) => lines.push(format!("Estimated wait: about {minutes} min.")),
                (None, _) => {}
            }
            (pick("順番をお待ちください", "Please wait for your turn"), lines, keep)
        }
        Why::Early { minutes } => {
            let line = match (minutes, ja) {
                (0, true) => "まもなく受付番号をお知らせします。".to_owned(),
                (0, false) => "You will get a number shortly.".to_owned(),
                (minutes, true) => format!("受付番号は約 {minutes} 分後にお知らせします。"),
                (minutes, false) => format!("You will get a number in about {minutes} min."),
            };
            (pick("受付開始をお待ちください", "Please wait for the opening"), vec![line], keep)
        }
        Why::Turn => (
            pick("順番が来ました", "It is your turn"),
            vec![pick("続けて画面が開きます。", "The page opens in a moment.").to_owned()],
            "",
        ),
        Why::Full => (
            pick("ただいま大変混み合っています", "Very many people are here now"),
            vec![
                pick(
                    "待合室も満員です。しばらくしてから、もう一度お試しください。",
                    "The waiting room is full, too. Please come back later.",
                )
                .to_owned(),
            ],
            pick("この画面は自動で更新されます。", "This page renews itself."),
        ),
        Why::Closed => (
            pick("抽選の受付は終わりました", "The draw is closed"),
            vec![
                pick(
                    "今回は当選されませんでした。または、受付期間を過ぎています。",
                    "You were not drawn, or registration is over.",
                )
                .to_owned(),
            ],
            "",
        ),
        Why::Busy => (
            pick("ただいま混み合っています", "The system is busy"),
            vec![
                pick(
                    "順番は保たれています。少し待ってから、もう一度操作してください。",
                    "You keep your place. Please try again in a moment.",
                )
                .to_owned(),
            ],
            pick("送信した内容は、まだ受け付けられていません。", "What you sent was not taken yet."),
        ),
    };
    Words { title, lines, note }
}

/// Black on white, or white on black where that is preferred: both far above 7:1 (WCAG 2.2, 1.4.6). Nothing is said by colour.
const STYLE: &str = "body{font-family:sans-serif;line-height:1.6;margin:0 auto;max-width:40rem;padding:1rem;color:#000;background:#fff}\
a{color:#00318a}a:focus{outline:3px solid currentColor}h1,h2{font-size:1.4rem}section+section{border-top:1px solid;margin-top:2rem}\
@media(prefers-color-scheme:dark){body{color:#fff;background:#000}a{color:#9fc5ff}}";

/// Nothing but this style: no script, no image, no frame, no form.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
});

/// The page: the language that was asked for first, the other one behind a link.
pub(super) fn html(why: Why, lang: Lang, refresh: Option<u64>) -> String {
    let (first, second) = match lang {
        Lang::Ja => ((Lang::Ja, "ja"), (Lang::En, "en")),
        Lang::En => ((Lang::En, "en"), (Lang::Ja, "ja")),
    };
    let mut page = String::with_capacity(2_048);
    let title = words(why, lang).title;
    let refresh = refresh.map(|seconds| format!("<meta http-equiv=\"refresh\" content=\"{seconds}\">\n"));
    let refresh = refresh.unwrap_or_default();
    // All that is put in are numbers and our own words. Writing to a string cannot fail.
    let _ = write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n{refresh}\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"robots\" content=\"noindex\">\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n",
        first.1
    );
    for (at, (lang, tag)) in [first, second].into_iter().enumerate() {
        let Words { title, lines, note } = words(why, lang);
        let (level, other) = if at == 0 { (1, second) } else { (2, first) };
        let link = match other.0 {
            Lang::Ja => "日本語",
            Lang::En => "English",
        };
        let _ = write!(
            page,
            "<section lang=\"{tag}\" id=\"{tag}\">\n<h{level}>{title}</h{level}>\n<div role=\"status\">\n"
        );
        for line in lines {
            let _ = writeln!(page, "<p>{line}</p>");
        }
        page.push_str("</div>\n");
        if !note.is_empty() {
            let _ = writeln!(page, "<p>{note}</p>");
        }
        let _ = write!(
            page,
            "<p><a href=\"#{0}\" lang=\"{0}\" hreflang=\"{0}\">{link}</a></p>\n</section>\n",
            other.1
        );
    }
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

/// For programs (RFC 9457).
pub(super) fn problem(why: Why, status: StatusCode, after: Option<u64>) -> String {
    let (kind, title) = match why {
        Why::Waits { .. } => ("waiting", "Please wait for your turn"),
        Why::Early { .. } => ("early", "Numbers are given later"),
        Why::Turn => ("turn", "It is your turn: repeat the request with the ticket of this answer"),
        Why::Full => ("full", "The waiting room is full"),
        Why::Closed => ("closed", "The draw is closed"),
        Why::Busy => ("busy", "The system is busy; the place inside is kept"),
    };
    let mut text = format!(
        "{{\"type\":\"urn:suimon:admission:{kind}\",\"title\":\"{title}\",\"status\":{}",
        status.as_u16()
    );
    // Writing to a string cannot fail.
    let _ = match why {
        Why::Waits { number, position, minutes } => {
            let minutes = minutes.map_or_else(|| "null".to_owned(), |minutes| minutes.to_string());
            write!(text, ",\"place\":{{\"number\":{number},\"position\":{position},\"minutes\":{minutes}}}")
        }
        Why::Early { minutes } => write!(text, ",\"place\":{{\"minutes\":{minutes}}}"),
        Why::Turn | Why::Full | Why::Closed | Why::Busy => Ok(()),
    };
    if let Some(after) = after {
        let _ = write!(text, ",\"retryAfter\":{after}");
    }
    text.push_str("}\n");
    text
}

/// An answer that nobody keeps.
pub(super) fn answer(
    status: StatusCode,
    program: bool,
    text: String,
    after: Option<u64>,
) -> Response<Answer> {
    let mut answer = Response::new(Answer::from(Bytes::from(text)));
    *answer.status_mut() = status;
    let fields = answer.headers_mut();
    let kind = if program { "application/problem+json" } else { "text/html; charset=utf-8" };
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    fields.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    fields.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    fields.insert(HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex"));
    if let Ok(policy) = HeaderValue::from_str(&POLICY) {
        fields.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    if let Some(after) = after {
        fields.insert(header::RETRY_AFTER, HeaderValue::from(after));
    }
    edge::policy::seal(fields);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages() {
        let of = |text: &str| {
            let value = HeaderValue::from_str(text).unwrap();
            lang(&HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, value)]))
        };
        assert_eq!(lang(&HeaderMap::new()), Lang::Ja);
        assert_eq!(of("en-GB,en;q=0.9,ja;q=0.8"), Lang::En);
        assert_eq!(of("de, ja;q=0.5, en;q=0.4"), Lang::Ja);
        assert_eq!(of("de, ja;q=0.4, EN-us ; q=0.5"), Lang::En);
        assert_eq!(of("en;q=NaN, fr"), Lang::Ja);
    }

    /// What a screen reader, a browser without scripts and a strict policy need.
    #[test]
    fn the_page_stands_alone() {
        let whys = [
            Why::Waits { number: 12, position: 3, minutes: Some(4) },
            Why::Early { minutes: 0 },
            Why::Turn,
            Why::Full,
            Why::Closed,
            Why::Busy,
        ];
        for why in whys {
            for (lang, tag) in [(Lang::Ja, "ja"), (Lang::En, "en")] {
                let page = html(why, lang, Some(20));
                assert!(
                    page.contains(&format!("<html lang=\"{tag}\">")) && page.contains("<title>"),
                    "{page}"
                );
                assert_eq!(page.matches("<h1>").count(), 1);
                assert_eq!(page.matches("role=\"status\"").count(), 2);
                assert!(page.contains("href=\"#ja\"") && page.contains("href=\"#en\""));
                assert!(page.contains("http-equiv=\"refresh\" content=\"20\""));
                for foreign in ["<script", "src=", "http:", "https:", "url(", "<form", "onload"] {
                    assert!(!page.contains(foreign), "{foreign} in {page}");
                }
            }
            let problem = problem(why, StatusCode::SERVICE_UNAVAILABLE, Some(5));
            let read: serde_json::Value = serde_json::from_str(&problem).unwrap();
            assert_eq!((&read["status"], &read["retryAfter"]), (&503.into(), &5.into()));
        }
    }
}
