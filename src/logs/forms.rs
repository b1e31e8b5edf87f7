//! What whoever asks says of the forms of logs, as text: of options and of the configuration.

use exposure::{Basis, Dialect, Limits, Mapping, Scan, Template, WindowQuery};
use jiff::Timestamp;
use jiff::tz::Offset;

/// Empty is nothing said.
#[derive(Clone, Debug, Default)]
pub struct Forms<'t> {
    pub nginx: &'t str,
    pub apache: &'t str,
    pub squid: &'t str,
    pub trafficserver: &'t str,
    pub haproxy: &'t str,
    /// Names of the fields of a CloudFront log that has none itself.
    pub fields: &'t str,
    /// `FIELD=NAME` of JSON logs.
    pub json_fields: Vec<&'t str>,
    /// Of times without one, such as `+09:00`.
    pub utc_offset: &'t str,
}

impl Forms<'_> {
    /// Whether all of it can be used.
    ///
    /// # Errors
    /// As [`tell`](Self::tell).
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        let query = WindowQuery {
            from: Timestamp::UNIX_EPOCH,
            to: Timestamp::UNIX_EPOCH,
            margin_before_seconds: 0,
            margin_after_seconds: 0,
            basis: Basis::Logins,
            include_failed_logins: false,
            personal_routes: Vec::new(),
            session_cookie: None,
            limits: Limits::default(),
        };
        let scan = Scan::new(query).map_err(|error| ("fields", error.to_string()))?;
        self.tell(scan).map(|_| ())
    }

    /// Tells the scan.
    ///
    /// # Errors
    /// What is wrong with which, by the end of its name: `nginx_format`, `fields`.
    pub fn tell(&self, mut scan: Scan) -> Result<Scan, (&'static str, String)> {
        if let Some(template) = self.template()? {
            scan = scan.with_template(template);
        }
        if !self.fields.is_empty() {
            scan = scan.with_fields(self.fields).map_err(|error| ("fields", error.to_string()))?;
        }
        if !self.json_fields.is_empty() {
            let mapping = Mapping::parse(self.json_fields.iter().copied());
            scan = scan.with_json(mapping.map_err(|error| ("json_fields", error.to_string()))?);
        }
        if !self.utc_offset.is_empty() {
            let offset = offset(self.utc_offset).map_err(|error| ("utc_offset", error))?;
            scan = scan.with_utc_offset(offset.seconds());
        }
        Ok(scan)
    }

    /// Whether the form of a cache's own log is given.
    pub fn has_template(&self) -> bool {
        self.templates().next().is_some()
    }

    fn templates(&self) -> impl Iterator<Item = (&'static str, &str, Dialect)> {
        let all = [
            ("nginx_format", self.nginx, Dialect::Nginx),
            ("apache_format", self.apache, Dialect::Apache),
            ("squid_format", self.squid, Dialect::Squid),
            ("trafficserver_format", self.trafficserver, Dialect::TrafficServer),
            ("haproxy_format", self.haproxy, Dialect::Haproxy),
        ];
        all.into_iter().filter(|(_, text, _)| !text.is_empty())
    }

    fn template(&self) -> Result<Option<Template>, (&'static str, String)> {
        let mut given = self.templates();
        let Some((name, text, dialect)) = given.next() else { return Ok(None) };
        if let Some((other, _, _)) = given.next() {
            return Err((other, format!("wants nothing, because {name} is given")));
        }
        Template::parse(text, dialect).map(Some).map_err(|error| (name, error.to_string()))
    }
}

/// `+09:00`, `-04:30`, `UTC`.
///
/// # Errors
/// What to write instead.
pub fn offset(text: &str) -> Result<Offset, String> {
    let wrong = || "is no offset; write it as +09:00".to_owned();
    let (sign, rest) = match text.as_bytes().first() {
        Some(b'+') => (1, text.get(1..)),
        Some(b'-') => (-1, text.get(1..)),
        _ if text.eq_ignore_ascii_case("z") || text.eq_ignore_ascii_case("utc") => return Ok(Offset::UTC),
        _ => return Err(wrong()),
    };
    let (hours, minutes) = rest.and_then(|rest| rest.split_once(':')).ok_or_else(wrong)?;
    let of = |text: &str, most: i32| {
        let number = text.parse::<u8>().ok().filter(|_| text.len() == 2).map(i32::from);
        number.filter(|number| *number <= most).ok_or_else(wrong)
    };
    Offset::from_seconds(sign * (of(hours, 23)? * 60 + of(minutes, 59)?) * 60).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets() {
        assert_eq!(offset("+09:00").unwrap().seconds(), 32_400);
        assert_eq!(offset("-04:30").unwrap().seconds(), -16_200);
        assert_eq!(offset("UTC").unwrap().seconds(), 0);
        for wrong in ["", "9", "+9:00", "+0900", "+09:60", "+24:00", "+٠٩:00"] {
            assert!(offset(wrong).is_err(), "{wrong}");
        }
    }
}
