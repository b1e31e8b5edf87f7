//! Lists of `tag=value;`, in which DKIM, DMARC and MTA-STS write (RFC 6376, 3.2).

/// The value of a tag. Names are compared as they are written; white space around both is none.
pub fn tag<'a>(record: &'a str, name: &str) -> Option<&'a str> {
    record
        .split(';')
        .filter_map(|tag| tag.split_once('='))
        .find(|(own, _)| own.trim() == name)
        .map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::tag;

    #[test]
    fn tags_are_found_by_their_whole_name() {
        let record = "v=DMARC1;  p = reject ;sp=none; rua=mailto:a=b@mail.example;";
        assert_eq!(tag(record, "p"), Some("reject"));
        assert_eq!(tag(record, "sp"), Some("none"));
        assert_eq!(tag(record, "rua"), Some("mailto:a=b@mail.example"));
        assert_eq!(tag(record, "P"), None);
        assert_eq!(tag("", "p"), None);
    }
}
