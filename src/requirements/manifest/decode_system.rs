//! Reads `kind: System`.

use jiff::tz::TimeZoneDatabase;

use super::decode::{Object, Report};
use super::limits;
use super::measured::measured;
use super::not_applicable::not_applicable;
use super::routes::pattern_fault;
use super::sessions::sessions;
use super::system::{
    Field, FieldKind, Mask, Operator, Protection, RecordType, Route, Search, Shown, SystemSpec,
};
use super::tree::Node;
use super::values::{localized, name, parsed, period, snake, text, truth, word};
use super::wording::quoted;

pub(super) fn system(node: &Node, path: &str, report: &mut Report) -> Option<SystemSpec> {
    let known = [
        "title",
        "operator",
        "timeZone",
        "tenantsKind",
        "recordTypes",
        "routes",
        "channels",
        "sessions",
        "measured",
        "notApplicable",
    ];
    let mut object = Object::open(node, path, report, &known)?;
    let title = object.required("title", localized(limits::LINE));
    let operator = object.required("operator", operator);
    let time_zone = object.required("timeZone", time_zone);
    let tenants_kind = object.required("tenantsKind", localized(limits::LINE));
    let record_types = object.filled_list("recordTypes", limits::ITEMS, record_type);
    let routes = object.list("routes", limits::ROUTES, route);
    let channels = object.list("channels", limits::ITEMS, word("a channel"));
    let sessions = object.optional("sessions", sessions);
    let measured = object.optional("measured", measured);
    let not_applicable = object.list("notApplicable", limits::NOT_APPLICABLE, not_applicable);
    Some(SystemSpec {
        title: title?,
        operator: operator?,
        time_zone: time_zone?,
        tenants_kind: tenants_kind?,
        record_types: record_types?,
        routes,
        channels,
        sessions,
        measured,
        not_applicable,
    })
}

fn operator(node: &Node, path: &str, report: &mut Report) -> Option<Operator> {
    let mut object = Object::open(node, path, report, &["name"])?;
    Some(Operator { name: object.required("name", localized(limits::LINE))? })
}

fn time_zone(node: &Node, path: &str, report: &mut Report) -> Option<String> {
    // The bundled database: the same manifest must be right or wrong on every machine.
    let zones = TimeZoneDatabase::bundled();
    let known = |text: &str| match zones.get(text) {
        Ok(zone) => Ok(zone.iana_name().unwrap_or(text).to_owned()),
        Err(_) => Err("is not an IANA time zone"),
    };
    parsed(limits::NAME, known, |_, _| "write it like `Asia/Tokyo`".to_owned())(node, path, report)
}

fn record_type(node: &Node, path: &str, report: &mut Report) -> Option<RecordType> {
    let known = [
        "name",
        "title",
        "externalId",
        "contactField",
        "languageField",
        "postalField",
        "phoneField",
        "residenceField",
        "fields",
    ];
    let mut object = Object::open(node, path, report, &known)?;
    let name = object.required("name", snake);
    let title = object.required("title", localized(limits::LINE));
    let external_id = object.required("externalId", text(limits::LINE));
    let contact_field = object.optional("contactField", snake);
    let language_field = object.optional("languageField", snake);
    let postal_field = object.optional("postalField", snake);
    let phone_field = object.optional("phoneField", snake);
    let residence_field = object.optional("residenceField", snake);
    let fields = object.filled_list("fields", limits::FIELDS, field);
    Some(RecordType {
        name: name?,
        title: title?,
        external_id: external_id?,
        contact_field,
        language_field,
        postal_field,
        phone_field,
        residence_field,
        fields: fields?,
    })
}

fn field(node: &Node, path: &str, report: &mut Report) -> Option<Field> {
    let known = [
        "name",
        "title",
        "category",
        "protection",
        "kind",
        "searchable",
        "search",
        "mask",
        "required",
        "retention",
    ];
    let mut object = Object::open(node, path, report, &known)?;
    let name = object.required("name", snake);
    let title = object.required("title", localized(limits::LINE));
    let category = object.required("category", word::<super::Category>("a category"));
    let protection = object.required("protection", word("a protection"));
    let kind = object.required("kind", word("a kind of field"));
    let searchable = object.optional("searchable", truth);
    let search: Option<Search> = object.optional("search", word("a kind of search"));
    let mask = object.optional("mask", word("a mask")).unwrap_or_default();
    let required = object.optional("required", truth).unwrap_or_default();
    let retention = object.required("retention", period);

    if let (Some(category), Some(Protection::Plain)) = (category, protection)
        && category.is_personal()
    {
        let path = object.path("protection");
        let message = format!("a field of category `{category}` is stored plain");
        object.report.at(&path, message, "write `encrypted`; only category `identifier` may be plain");
    }
    if searchable == Some(false) && search.is_some() {
        let path = object.path("searchable");
        let message = "says that the field cannot be searched, `search` says how";
        object.report.at(&path, message, "leave one of the two out");
    }
    if let (Some(kind), Some(search)) = (kind, search)
        && !searches_for(kind).contains(&search)
    {
        let path = object.path("search");
        let message = format!("search `{search}` does not fit a field of kind `{kind}`");
        let possible: Vec<_> = searches_for(kind).iter().map(|search| format!("`{search}`")).collect();
        object.report.at(&path, message, format!("write {}", possible.join(" or ")));
    }
    if let Some(kind) = kind
        && !fits(mask, kind)
    {
        let path = object.path("mask");
        let message = format!("mask `{mask}` does not fit a field of kind `{kind}`");
        object.report.at(&path, message, format!("write {}", masks_for(kind)));
    }
    Some(Field {
        name: name?,
        title: title?,
        category: category?,
        protection: protection?,
        kind: kind?,
        searchable: searchable.unwrap_or(search.is_some()),
        // `exact` says no more than `searchable: true`: one meaning, one fingerprint.
        search: search.filter(|search| *search != Search::Exact),
        mask,
        required,
        retention: retention?,
    })
}

/// Parts of a number are shared by so many people that they find nobody and give much away; the ends of mail addresses
/// are, too.
fn searches_for(kind: FieldKind) -> &'static [Search] {
    match kind {
        FieldKind::Text | FieldKind::Name => Search::ALL,
        FieldKind::Mail => &[Search::Exact, Search::Prefix],
        FieldKind::Phone | FieldKind::Date | FieldKind::PostalCode => &[Search::Exact],
    }
}

/// A mask for another kind of value would show parts that nobody meant to show.
fn fits(mask: Mask, kind: FieldKind) -> bool {
    match mask {
        Mask::None | Mask::All => true,
        Mask::Mail => kind == FieldKind::Mail,
        Mask::Name => kind == FieldKind::Name,
        Mask::Phone => kind == FieldKind::Phone,
        Mask::Date => kind == FieldKind::Date,
    }
}

fn masks_for(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Text | FieldKind::PostalCode => "`all` or `none`",
        FieldKind::Mail => "`all`, `none` or `mail`",
        FieldKind::Name => "`all`, `none` or `name`",
        FieldKind::Phone => "`all`, `none` or `phone`",
        FieldKind::Date => "`all`, `none` or `date`",
    }
}

fn route(node: &Node, path: &str, report: &mut Report) -> Option<Route> {
    let known = ["name", "pattern", "personal", "methods", "suffixes", "shows"];
    let mut object = Object::open(node, path, report, &known)?;
    let name = object.required("name", name);
    let pattern = object.required("pattern", pattern);
    let personal = object.required("personal", truth);
    let methods = object.list("methods", limits::ITEMS, word("a method"));
    let suffixes = object.list("suffixes", edge::MAX_LIST, suffix);
    let shows = object.list("shows", limits::ITEMS, shown);
    for (at, suffix) in suffixes.iter().enumerate() {
        if suffixes[..at].contains(suffix) {
            let path = object.path("suffixes");
            object.report.at(&path, format!("suffix `{suffix}` is declared twice"), "remove one of them");
        }
    }
    Some(Route { name: name?, pattern: pattern?, personal: personal?, methods, suffixes, shows })
}

fn pattern(node: &Node, path: &str, report: &mut Report) -> Option<String> {
    let pattern = text(limits::LINE)(node, path, report)?;
    if let Some(fault) = pattern_fault(&pattern) {
        let remedy = "write it like `/mypage/**`, `/schools/*/guide` or `/`";
        report.at(path, format!("{} {fault}", quoted(&pattern)), remedy);
        return None;
    }
    Some(pattern)
}

/// In one spelling: the guard compares without regard to case.
fn suffix(node: &Node, path: &str, report: &mut Report) -> Option<String> {
    let read = |text: &str| {
        let plain =
            text.len() <= 16 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if plain { Ok(text.to_owned()) } else { Err("is not 1 to 16 lower-case letters and digits") }
    };
    let remedy = |_: &str, _: &&'static str| "write it without its dot: `pdf`".to_owned();
    parsed(limits::NAME, read, remedy)(node, path, report)
}

fn shown(node: &Node, path: &str, report: &mut Report) -> Option<Shown> {
    let mut object = Object::open(node, path, report, &["recordType", "fields"])?;
    let record_type = object.required("recordType", snake);
    let fields = object.list("fields", limits::FIELDS, snake);
    Some(Shown { record_type: record_type?, fields })
}
