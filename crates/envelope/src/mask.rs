use unicode_normalization::UnicodeNormalization;

/// Always three: the number of stars must not tell the length.
const STARS: &str = "***";

/// How a value is shortened for a reader who may recognise it but not read it. When keeping what the rule keeps would
/// show the whole value, or the value has not the expected shape, only stars remain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MaskRule {
    /// First character and domain: `t***@example.jp`.
    Mail,
    /// First character: `水***`.
    Name,
    /// Last four digits of ten or more, last two of six to nine: `***5678`.
    Phone,
    /// Year: `2005-**-**`.
    Date,
    /// Nothing: `***`.
    Full,
}

impl MaskRule {
    pub(crate) fn apply(self, text: &str) -> String {
        let shown = match self {
            Self::Mail => mail(text),
            Self::Name => first_of_several(text.trim()).map(|first| format!("{first}{STARS}")),
            Self::Phone => phone(text),
            Self::Date => date(text),
            Self::Full => None,
        };
        shown.unwrap_or_else(|| STARS.to_owned())
    }
}

/// The first character, unless it is the only one.
fn first_of_several(text: &str) -> Option<char> {
    let mut characters = text.chars();
    let first = characters.next()?;
    characters.next().map(|_| first)
}

fn mail(text: &str) -> Option<String> {
    let (local, domain) = text.trim().rsplit_once('@')?;
    if local.is_empty() || domain.is_empty() {
        return None;
    }
    let first = first_of_several(local).map(String::from).unwrap_or_default();
    Some(format!("{first}{STARS}@{domain}"))
}

fn phone(text: &str) -> Option<String> {
    let digits: String = text.nfkc().filter(char::is_ascii_digit).collect();
    let kept = match digits.len() {
        10.. => 4,
        6..=9 => 2,
        _ => return None,
    };
    Some(format!("{STARS}{}", &digits[digits.len() - kept..]))
}

fn date(text: &str) -> Option<String> {
    let text: String = text.trim().nfkc().collect();
    let (year, rest) = text.split_at_checked(4)?;
    let is_year = year.bytes().all(|byte| byte.is_ascii_digit());
    let separated = rest.starts_with(['-', '/', '.', '年']);
    (is_year && separated).then(|| format!("{year}-**-**"))
}

#[cfg(test)]
mod tests {
    use super::MaskRule::{Date, Full, Mail, Name, Phone};

    #[test]
    fn masks_keep_what_recognises_and_hide_the_length() {
        for (rule, text, masked) in [
            (Mail, "taro@example.jp", "t***@example.jp"),
            (Mail, "taro.with.a.long.name@example.jp", "t***@example.jp"),
            (Mail, "\"a@b\"@example.jp", "\"***@example.jp"),
            (Mail, "t@example.jp", "***@example.jp"),
            (Mail, "@example.jp", "***"),
            (Mail, "no address", "***"),
            (Name, "水野 花", "水***"),
            (Name, "  Hana Mizuno", "H***"),
            (Name, "花", "***"),
            (Name, "", "***"),
            (Phone, "090-1234-5678", "***5678"),
            (Phone, "０９０−１２３４−５６７８", "***5678"),
            (Phone, "123456", "***56"),
            (Phone, "12345", "***"),
            (Phone, "none", "***"),
            (Date, "2005-04-01", "2005-**-**"),
            (Date, "2005年4月1日", "2005-**-**"),
            (Date, "２００５/４/１", "2005-**-**"),
            (Date, "04/01/2005", "***"),
            (Date, "平成17年4月1日", "***"),
            (Date, "2005", "***"),
            (Full, "anything at all", "***"),
            (Full, "", "***"),
        ] {
            assert_eq!(rule.apply(text), masked, "{rule:?} {text}");
        }
    }
}
