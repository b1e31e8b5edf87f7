//! Lists of `tag=value;`, in which DKIM, DMARC and MTA-STS write (RFC 6376, 3.2).

/// The value of a tag. Names are compared as they are written; white space around both is none.
pub fn tag<'a>(record: &'a str, name: &str) -> Option<&'a str> {
    record
        .split(';')
        .filter_map(|tag| tag.split_once('='))
        .find(|(own, _)| own.trim() == name)
        .map(|(_, value)| value.trim())
}

/// Whether a record is such a list: each part has a name and a value, and no name stands twice (else none of it counts).
pub fn is_list(record: &str) -> bool {
    let mut names = Vec::new();
    record.split(';').filter(|part| !part.trim().is_empty()).all(|part| {
        part.split_once('=').is_some_and(|(name, _)| {
            let is_new = !names.contains(&name.trim());
            names.push(name.trim());
            is_new
        })
    })
}

#[cfg(test)]
mod tests {
    use super::{is_list, tag};

    #[test]
    fn a_list_names_each_tag_once() {
        assert!(is_list("v=DKIM1; k=rsa; p=a=b; ") && is_list("p="));
        for wrong in ["v=DKIM1; p=a; p=b", "v=DKIM1; p", "v=DKIM1; p =a; p= b"] {
            assert!(!is_list(wrong), "{wrong}");
        }
    }

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
