//! What must agree inside one system: names, contact fields, what routes show.

use std::collections::HashMap;

use super::decode::Report;
use super::system::{FieldKind, RecordType, SystemSpec};
use super::wording::suggestion;

/// Notes what does not agree. For systems that were read without a problem, so that indices are those of the file.
pub(super) fn check_system(spec: &SystemSpec, report: &mut Report) {
    let record_types = spec.record_types.iter().map(|record_type| record_type.name.as_str());
    repeated(record_types, "spec.recordTypes", ".name", "record type", report);
    let routes = spec.routes.iter().map(|route| route.name.as_str());
    repeated(routes, "spec.routes", ".name", "route", report);
    let patterns = spec.routes.iter().map(|route| route.pattern.as_str());
    repeated(patterns, "spec.routes", ".pattern", "pattern", report);
    let channels = spec.channels.iter().map(|channel| channel.as_str());
    repeated(channels, "spec.channels", "", "channel", report);
    for (at, record_type) in spec.record_types.iter().enumerate() {
        check_record_type(record_type, &format!("spec.recordTypes[{at}]"), report);
    }
    check_routes(spec, report);
    super::not_applicable::check(&spec.not_applicable, report);
    for (at, name) in spec.sessions.iter().flat_map(|sessions| sessions.sign_in.iter().enumerate()) {
        let words: Vec<&str> = spec.routes.iter().map(|route| route.name.as_str()).collect();
        if !words.contains(&name.as_str()) {
            let path = format!("spec.sessions.signIn[{at}]");
            report.at(&path, format!("the system declares no route `{name}`"), suggestion(name, &words));
        }
    }
}

fn check_record_type(record_type: &RecordType, path: &str, report: &mut Report) {
    let fields = record_type.fields.iter().map(|field| field.name.as_str());
    repeated(fields, &format!("{path}.fields"), ".name", "field", report);
    let references = [
        ("contactField", &record_type.contact_field, FieldKind::Mail),
        ("languageField", &record_type.language_field, FieldKind::Text),
        ("postalField", &record_type.postal_field, FieldKind::Text),
        ("phoneField", &record_type.phone_field, FieldKind::Phone),
        ("residenceField", &record_type.residence_field, FieldKind::Text),
    ];
    for (key, reference, kind) in references {
        let Some(reference) = reference else { continue };
        let path = format!("{path}.{key}");
        match record_type.field(reference) {
            None => {
                let words: Vec<&str> = record_type.fields.iter().map(|field| field.name.as_str()).collect();
                let message = format!("`{}` has no field `{reference}`", record_type.name);
                report.at(&path, message, suggestion(reference, &words));
            }
            Some(field) if field.kind != kind => {
                let message = format!("field `{reference}` is of kind `{}`, not `{kind}`", field.kind);
                report.at(&path, message, format!("name a field of kind `{kind}`"));
            }
            Some(_) => {}
        }
    }
}

fn check_routes(spec: &SystemSpec, report: &mut Report) {
    for (at, route) in spec.routes.iter().enumerate() {
        let path = format!("spec.routes[{at}]");
        if !route.personal && !route.shows.is_empty() {
            let message = format!("route `{}` shows personal data, but is declared public", route.name);
            report.at(&format!("{path}.personal"), message, "write `personal: true` or remove `shows`");
        }
        for (index, shown) in route.shows.iter().enumerate() {
            let path = format!("{path}.shows[{index}]");
            let Some(record_type) = spec.record_type(&shown.record_type) else {
                let words: Vec<&str> = spec.record_types.iter().map(|known| known.name.as_str()).collect();
                let message = format!("there is no record type `{}`", shown.record_type);
                report.at(&format!("{path}.recordType"), message, suggestion(&shown.record_type, &words));
                continue;
            };
            for (index, name) in shown.fields.iter().enumerate() {
                if record_type.field(name).is_none() {
                    let words: Vec<&str> =
                        record_type.fields.iter().map(|field| field.name.as_str()).collect();
                    let message = format!("`{}` has no field `{name}`", record_type.name);
                    report.at(&format!("{path}.fields[{index}]"), message, suggestion(name, &words));
                }
            }
        }
    }
}

fn repeated<'a>(
    values: impl Iterator<Item = &'a str>,
    list: &str,
    key: &str,
    what: &str,
    report: &mut Report,
) {
    let mut first: HashMap<&str, u32> = HashMap::new();
    for (at, value) in values.enumerate() {
        let path = format!("{list}[{at}]{key}");
        match first.get(value) {
            Some(line) => {
                let message = format!("{what} `{value}` is declared twice, first at line {line}");
                report.at(&path, message, "rename or remove one of them");
            }
            None => {
                first.insert(value, report.place_of(&path).0);
            }
        }
    }
}
