//! `mechanism: admission`: the waiting room, channels, tenants.

use super::*;
use crate::requirements::manifest::{Manifest, WaitingOrder};

const CACHE: &str = "enforcement: { mode: enforce, mechanism: cache, params: { rule: no_store } }";
const CHANNELS: &str = "channels: [web, call_centre, api]";

/// The system with three channels, and a requirement about admission whose further parameters these are.
fn stated(more: &str) -> (String, String) {
    let params = format!(
        "enforcement:\n    mode: enforce\n    mechanism: admission\n    params:\n      rate: 400\n      concurrency: 8000\n{more}"
    );
    let requirement = with(&with(REQUIREMENT, "routes:personal", "system"), CACHE, &params);
    (requirement, with(SYSTEM, "channels: [web]", CHANNELS))
}

#[track_caller]
fn faults(more: &str) -> Vec<String> {
    let (requirement, system) = stated(more);
    problems(&[("r.yaml", &requirement), ("s.yaml", &system)])
}

#[test]
fn everything_that_the_guard_can_do_can_be_stated_and_survives_storage() {
    for order in [
        "{ by: fifo }",
        "{ by: shuffle_then_fifo, opensAt: \"2021-04-26T09:00:00+09:00\" }",
        "{ by: lottery, closesAt: \"2021-04-26T09:00:00+09:00\", winners: 500 }",
        "{ by: by_group, field: { query: month }, groups: [{ name: spring, values: [\"4\", \"5\"], opensAt: \"2021-04-26T09:00:00+09:00\" }, { name: others, opensAt: \"2021-04-27T09:00:00+09:00\" }] }",
    ] {
        let more = format!(
            "      newcomersPerMinute: 600
      reserve: {{ call_centre: 0.2 }}
      order: {order}
      channels:
        call_centre: {{ knownBy: {{ host: Desk.example.jp }}, weight: 2 }}
        api: {{ knownBy: {{ header: {{ name: X-Api, value: partner }} }} }}
      tenants:
        paths: ['/t/{{tenant}}/**']
        each: {{ rate: 5, concurrency: 50, newcomersPerMinute: 60 }}
        named: {{ north: {{ rate: 9 }}, south: {{}} }}
      open: [/healthz, /static/**]
      apiClients: [/api/**]
      waitingRoom: {{ most: 300000, grace: PT10M, idle: PT20M, claimWithin: PT1M, status: 200 }}
"
        );
        let (requirement, system) = stated(&more);
        let set = parse(&[("r.yaml", &requirement), ("s.yaml", &system)]).unwrap();
        for manifest in set.iter() {
            assert_eq!(Manifest::from_json(&manifest.to_json()).unwrap(), *manifest);
        }
        let params = set.requirement("NFR-1").unwrap().enforcement.as_ref().unwrap();
        let json = serde_json::to_value(params).unwrap();
        assert_eq!(json["params"]["channels"]["call_centre"]["knownBy"]["host"], "desk.example.jp");
        assert_eq!(json["params"]["channels"]["api"]["knownBy"]["header"]["name"], "x-api");
        assert_eq!(json["params"]["tenants"]["each"]["newcomersPerMinute"], 60);
    }
    // What is not stated does not change what was stored before.
    let (plain, system) = stated("");
    let set = parse(&[("r.yaml", &plain), ("s.yaml", &system)]).unwrap();
    let params =
        serde_json::to_value(set.requirement("NFR-1").unwrap().enforcement.as_ref().unwrap()).unwrap();
    assert_eq!(params["params"], serde_json::json!({ "rate": 400.0, "concurrency": 8000 }));
}

#[test]
fn an_order_has_what_it_needs_and_nothing_else() {
    let of = |order: &str| faults(&format!("      order: {order}\n"));
    assert_eq!(
        of("{ by: shuffle }"),
        ["r.yaml:17:20: spec.enforcement.params.order.by: `shuffle` is not an order; \
             write one of `fifo`, `shuffle_then_fifo`, `lottery`, `by_group`"]
    );
    assert_eq!(
        of("{ by: shuffle_then_fifo }"),
        ["r.yaml:17:14: spec.enforcement.params.order: `opensAt` is missing; add `opensAt`"]
    );
    assert_eq!(
        of("{ by: fifo, opensAt: \"2021-04-26T09:00:00+09:00\" }"),
        [
            "r.yaml:17:35: spec.enforcement.params.order.opensAt: `opensAt` has no meaning with order `fifo`; remove it"
        ]
    );
    assert_eq!(
        of("{ by: lottery, closesAt: tomorrow, winners: 0, draw: twice }"),
        [
            "r.yaml:17:39: spec.enforcement.params.order.closesAt: `tomorrow` is not an instant with an offset; \
             write it like `2023-10-27T09:00:00+09:00`",
            "r.yaml:17:58: spec.enforcement.params.order.winners: \
             the number is not a whole number from 1 to 4000000; correct the value",
            "r.yaml:17:61: spec.enforcement.params.order.draw: unknown field `draw`; \
             remove it; known here: by, opensAt, closesAt, winners, field, groups",
        ]
    );
    let noon = "opensAt: \"2021-04-26T12:00:00+09:00\"";
    assert_eq!(
        of(&format!("{{ by: by_group, field: {{ header: Cookie }}, groups: [{{ name: a, {noon} }}] }}")),
        [
            "r.yaml:17:47: spec.enforcement.params.order.field.header: `Cookie` is a field that others use, too; \
             write one of your own, like `x-desk`"
        ]
    );
    assert_eq!(
        of(&format!(
            "{{ by: by_group, field: {{ query: month }}, groups: [{{ name: a, {noon} }}, {{ name: b, values: [a], {noon} }}] }}"
        )),
        [
            "r.yaml:17:115: spec.enforcement.params.order.groups[1]: `a` means two groups; let it mean one of them"
        ]
    );
    assert_eq!(
        of("{ by: by_group, field: { query: a, cookie: b }, groups: [] }"),
        [
            "r.yaml:17:37: spec.enforcement.params.order.field: \
             exactly one of `header`, `cookie` and `query` is needed; keep one of them",
            "r.yaml:17:70: spec.enforcement.params.order.groups: the list is empty; add an item",
        ]
    );
}

#[test]
fn channels_are_known_by_one_thing_that_nobody_else_uses() {
    let of = |channels: &str| faults(&format!("      channels: {channels}\n"));
    assert_eq!(
        of("{ call_centre: { knownBy: { header: { name: Authorization, value: \"a b\" } } } }"),
        [
            "r.yaml:17:61: spec.enforcement.params.channels.call_centre.knownBy.header.name: \
             `Authorization` is a field that others use, too; write one of your own, like `x-desk`",
            "r.yaml:17:83: spec.enforcement.params.channels.call_centre.knownBy.header.value: \
             `a b` is not of visible ASCII characters; write one word, as the proxy sends it",
        ]
    );
    assert_eq!(
        of("{ call_centre: { knownBy: { host: \"desk.example.jp:8443\" } } }"),
        ["r.yaml:17:51: spec.enforcement.params.channels.call_centre.knownBy.host: \
             `desk.example.jp:8443` is not the name of a host alone; write it like `desk.example.jp`"]
    );
    assert_eq!(
        of("{ call_centre: { knownBy: { path: /desk/%61 } } }"),
        [
            "r.yaml:17:51: spec.enforcement.params.channels.call_centre.knownBy.path: `/desk/%61` is not a plain path: \
             it contains a brace, a percent sign or what servers read in two ways; write it like `/api/**` or `/healthz`"
        ]
    );
    assert_eq!(
        of("{ web: { knownBy: { path: /desk/** } }, mobile: {} }"),
        [
            "r.yaml:17:35: spec.enforcement.params.channels.web.knownBy: \
             `web` is the system's first channel, which takes whoever comes by no other; \
             leave it out, or name another channel first in `spec.channels` of the system",
            "r.yaml:17:65: spec.enforcement.params.channels.mobile: the system has no channel `mobile`; \
             write one of `web`, `call_centre`, `api`",
        ]
    );
}

#[test]
fn tenants_have_a_whole_budget_within_the_systems_and_are_known() {
    let of = |tenants: &str| faults(&format!("      tenants: {tenants}\n"));
    assert_eq!(
        of(
            "{ paths: ['/t/{tenant}/**'], named: { north: { rate: 500 }, South: { rate: 5, concurrency: 5 } } }"
        ),
        [
            "r.yaml:17:61: spec.enforcement.params.tenants.named.north.concurrency: tenant `north` has no `concurrency`; \
             add `concurrency` here or in `each`",
            "r.yaml:17:69: spec.enforcement.params.tenants.named.north.rate: the rate is above the system's, 400; lower it",
            "r.yaml:17:76: spec.enforcement.params.tenants.named.South: `South` is not the name of a tenant; \
             write 1 to 40 lower-case letters, digits, `-` or `_`, as it stands in paths",
        ]
    );
    assert_eq!(
        of("{ each: { rate: 5, concurrency: 5 }, named: { north: {} } }"),
        ["r.yaml:17:16: spec.enforcement.params.tenants: nothing says whose page a request is for; \
             add `paths` with a `{tenant}`, or `tenantPaths` to the system's sessions"]
    );
    assert_eq!(
        of("{ paths: [/t/**], named: {} }"),
        [
            "r.yaml:17:26: spec.enforcement.params.tenants.paths[0]: `/t/**` does not have one segment `{tenant}`; \
             write it like `/t/{tenant}/**`",
            "r.yaml:17:41: spec.enforcement.params.tenants.named: there are 0 tenants, not 1 to 256; \
             name those that need a budget of their own; all others share the system's",
        ]
    );
}

#[test]
fn times_are_lengths_and_within_bounds() {
    assert_eq!(
        faults("      waitingRoom: { grace: PT5S, idle: P1D, claimWithin: 60, status: 404, most: 0 }\n"),
        [
            "r.yaml:17:29: spec.enforcement.params.waitingRoom.grace: `PT5S` is not a time from PT30S to PT24H; \
             write it in hours, minutes and seconds, like `PT5M`",
            "r.yaml:17:41: spec.enforcement.params.waitingRoom.idle: `P1D` is not a time from PT1M to PT24H; \
             write it in hours, minutes and seconds, like `PT5M`",
            "r.yaml:17:59: spec.enforcement.params.waitingRoom.claimWithin: expected a text, found a number; put it in quotes",
            "r.yaml:17:71: spec.enforcement.params.waitingRoom.status: \
             a waiting room is not answered with 404; write 503, or 200 where errors are replaced on the way",
            "r.yaml:17:82: spec.enforcement.params.waitingRoom.most: \
             the number is not a whole number from 1 to 4000000; correct the value",
        ]
    );
}

#[test]
fn the_vaccine_booking_shuffles_who_comes_before_the_opening() {
    let text = include_str!("../../../../examples/vaccine-booking/manifests/requirements.yaml");
    let system = include_str!("../../../../examples/vaccine-booking/manifests/system.yaml");
    let set = parse(&[("r.yaml", text), ("s.yaml", system)]).unwrap();
    let enforcement = set.requirement("VAX-CAP-001").unwrap().enforcement.clone().unwrap();
    let crate::requirements::manifest::Params::Admission(params) = enforcement.params else {
        panic!("another mechanism")
    };
    let opens_at = "2021-04-26T00:00:00Z".parse().unwrap();
    assert_eq!(params.order, Some(WaitingOrder::ShuffleThenFifo { opens_at }));
}
