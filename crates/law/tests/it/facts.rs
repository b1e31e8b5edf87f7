//! The facts record: both ways through JSON and YAML, and errors that say where.

use law::{Fact, Facts, Moment, Value};
use proptest::prelude::*;

fn errors(yaml: &str) -> Vec<String> {
    match Facts::from_yaml("f.yaml", yaml) {
        Ok(_) => Vec::new(),
        Err(e) => e.0.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn short_and_long_forms_mean_the_same() {
    let short = Facts::from_yaml("f", "counts.principals_total: 339\nevent.kinds: [leak]\n").unwrap();
    let long = Facts::from_yaml(
        "f",
        "counts.principals_total: {value: {known: 339}, certainty: confirmed}\nevent.kinds: {value: [leak]}\n",
    )
    .unwrap();
    assert_eq!(short, long);
    let unknown = Facts::from_yaml("f", "counts.principals_total: unknown\nevent.kinds: ~\n").unwrap();
    assert_eq!(unknown.get("counts.principals_total"), Some(&Fact::unknown()));
    assert_eq!(unknown.get("event.kinds"), Some(&Fact::unknown()));
}

#[test]
fn a_record_survives_json_and_yaml() {
    let text = r#"
scope.jurisdictions: [JP, EU, US-CA]
counts.principals_total: {value: {range: {min: 200, max: 1200}}, certainty: suspected, source: ev-12}
counts.by_jurisdiction.US-CA: {range: {min: 3}}
event.kinds: {value: {range: {min: [leak], max: [leak, loss]}}}
cause.malicious_purpose: {value: true, certainty: ruled_out}
timeline.occurred_from: {range: {max: "2023-10-26T11:00:00+09:00[Asia/Tokyo]"}}
timeline.became_aware_at: {value: "2023-10-26[Asia/Tokyo]", valid_at: "2023-10-27T00:00:00Z"}
timeline.contained_at: 2023-10-26T15:41:00+09:00
parties.name: "Example \"School\" 学園"
protection.key_status: unknown
"#;
    let facts = Facts::from_yaml("f.yaml", text).unwrap();
    let json = serde_json::to_string_pretty(&facts).unwrap();
    assert_eq!(Facts::from_json("f.json", &json).unwrap(), facts);
    assert_eq!(Facts::from_yaml("f.yaml", &json).unwrap(), facts);
    assert_eq!(serde_json::from_str::<Facts>(&json).unwrap(), facts);
    assert_eq!(Facts::from_json("f.json", &json.replace("  ", "\t")).unwrap(), facts);
}

#[test]
fn every_fault_has_its_place() {
    insta::assert_snapshot!(errors("
counts.principal_total: 3
nonsense.x: 1
counts.principals_total: -1
counts.records: 1.5
data.is_personal_data: yes
event.kinds: [leak, leek]
parties.role: unkown
scope.jurisdictions: [Japan]
timeline.detected_at: 2023-10-26T13:15:00
timeline.determined_at: 2023-10-26T13:15:00+09:00[Asia/Tokio]
timeline.discovered_at: 2023-10-26T13:15:00+01:00[Asia/Tokyo]
timeline.contained_at: yesterday
counts.by_entrustor.a: {range: {min: 9, max: 3}}
counts.by_entrustor.b: {range: {}}
counts.by_entrustor.c: {value: 3, certainty: perhaps}
counts.by_entrustor.d: {value: 3, certainty: ruled_out}
counts.by_entrustor.e: {values: 3}
data.pseudonymised: {range: {min: false, max: true}}
").join("\n"), @r#"
    f.yaml:2:25 counts.principal_total: "counts.principal_total" is not a fact of the catalogue; did you mean "counts.principals_total"?
    f.yaml:3:13 nonsense.x: "nonsense.x" is not a fact of the catalogue
    f.yaml:4:26 counts.principals_total: the number is negative or too large
    f.yaml:5:17 counts.records: expected a whole number from 0, found a number that is not whole
    f.yaml:6:24 data.is_personal_data: expected true or false, found text
    f.yaml:7:21 event.kinds[1]: expected one of leak, loss, damage, unavailability, unlawful_use, unlawful_provision, viewable_by_others
    f.yaml:8:15 parties.role: expected one of controller, processor, sub_processor, joint_controller
    f.yaml:9:23 scope.jurisdictions[0]: expected a jurisdiction code such as JP, EU or US-CA
    f.yaml:10:23 timeline.detected_at: a local time needs its offset or zone, such as 2023-10-26T13:15:00+09:00 or 2023-10-26[Asia/Tokyo]
    f.yaml:11:25 timeline.determined_at: the zone in brackets is not a known IANA time zone such as Asia/Tokyo
    f.yaml:12:25 timeline.discovered_at: the offset does not belong to the zone at that time
    f.yaml:13:24 timeline.contained_at: expected an instant such as 2023-10-26T13:15:00+09:00[Asia/Tokyo], 2023-10-26T13:15:00+09:00 or 2023-10-26[Asia/Tokyo]
    f.yaml:14:32 counts.by_entrustor.a.range: the range is upside down: min lies above max
    f.yaml:15:32 counts.by_entrustor.b.range: a range needs min or max; write unknown when neither is known
    f.yaml:16:46 counts.by_entrustor.c.certainty: expected one of confirmed, suspected, ruled_out
    f.yaml:17:24 counts.by_entrustor.d: only a known word, set or flag can be ruled out; record what is known instead
    f.yaml:18:25 counts.by_entrustor.e.values: unknown field "values"; allowed: value, certainty, source, valid_at
    f.yaml:18:24 counts.by_entrustor.e: the field "value" is missing
    f.yaml:19:29 data.pseudonymised.range: data.pseudonymised has no order, so it cannot be a range
    "#);
}

#[test]
fn json_faults_have_places_too() {
    let wrong = Facts::from_json("f.json", "{\n\t\"counts.records\": -3\n}").unwrap_err();
    assert_eq!(wrong.to_string(), "f.json:2:20 counts.records: the number is negative or too large");
    let twice = Facts::from_json("f.json", "{\"counts.records\": 1,\n \"counts.records\": 2}").unwrap_err();
    assert!(twice.to_string().starts_with("f.json:2:2: duplicate"), "{twice}");
    let broken = Facts::from_json("f.json", "{\"counts.records\": 1").unwrap_err();
    assert_eq!(broken.0[0].line, 1);
}

#[test]
fn a_message_never_repeats_a_value() {
    let secret = "Hanako-Example";
    for name in law::FACTS
        .iter()
        .map(|d| d.name)
        .filter(|n| !n.ends_with('.') && *n != "parties.name" && *n != "scope.sector")
    {
        let faults = errors(&format!("{name}: {secret}\n"));
        assert!(!faults.is_empty() && !faults.join(" ").contains(secret), "{name}: {faults:?}");
    }
}

#[test]
fn facts_are_set_only_as_the_catalogue_knows_them() {
    let mut facts = Facts::default();
    facts.set("counts.principals_total", Fact::known(Value::Count(3))).unwrap();
    assert!(facts.set("counts.principals_total", Fact::known(Value::Flag(true))).is_err());
    assert!(facts.set("counts.nothing", Fact::known(Value::Count(3))).is_err());
    assert_eq!(facts.get("counts.principals_total"), Some(&Fact::known(Value::Count(3))));
}

#[test]
fn moments_read_back_as_written() {
    for text in [
        "2023-10-26T13:15:00+09:00[Asia/Tokyo]",
        "2023-10-26[Asia/Tokyo]",
        "2023-10-26T13:15:00+09:00",
        "2024-10-27T02:30:00+01:00[Europe/Berlin]",
    ] {
        assert_eq!(Moment::parse(text).unwrap().to_string(), text);
    }
    assert_eq!(
        Moment::parse("2023-10-26T13:15[Asia/Tokyo]").unwrap().timestamp().to_string(),
        "2023-10-26T04:15:00Z"
    );
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in any::<String>(), moment in "[0-9TZ:+\\-\\[\\]A-Za-z/.]{0,40}") {
        let _ = Facts::from_yaml("f", &text);
        let _ = Facts::from_json("f", &text);
        let _ = Moment::parse(&moment);
        let _ = Moment::parse(&text);
    }

    #[test]
    fn no_value_makes_the_reader_panic(i in 0..law::FACTS.len(), value in "[\\[\\]{}:,\"'a-z0-9 .\\-~|>&*!#%]{0,40}") {
        let name = law::FACTS[i].name;
        let _ = Facts::from_yaml("f", &format!("{name}: {value}"));
        let _ = Facts::from_yaml("f", &format!("{name}x: {{value: {value}, certainty: suspected}}"));
    }
}

#[test]
fn a_huge_record_of_nonsense_is_refused_quickly() {
    let many: String = (0..60_000).map(|i| format!("x{i}: {i}\n")).collect();
    assert_eq!(errors(&many).len(), 100, "the first hundred faults are enough");
    assert!(errors(&"x".repeat(2 << 20))[0].contains("split the file"));
    assert!(!errors(&"[".repeat(100_000)).is_empty());
}
