//! Reads how people wait: order, groups, times.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::admission::{GroupField, WaitingGroup, WaitingOrder, WaitingRoom, clock_time};
use super::decode::{Object, Report};
use super::decode_admission::{one_of, own_header};
use super::decode_requirement::instant;
use super::limits;
use super::period::Period;
use super::tree::{Node, Value};
use super::values::{name, parsed, period, text, whole, word};
use super::vocabulary::vocabulary;
use super::wording::quoted;

/// Most groups: each has a pool of its own.
const GROUPS: usize = 1_024;

vocabulary! {
    /// The spelling of `by`.
    pub enum OrderWord {
        /// As they come.
        Fifo = "fifo",
        /// Early comers by chance.
        ShuffleThenFifo = "shuffle_then_fifo",
        /// By a draw.
        Lottery = "lottery",
        /// Group by group.
        ByGroup = "by_group",
    }
}

pub(super) fn order(node: &Node, path: &str, report: &mut Report) -> Option<WaitingOrder> {
    let known = ["by", "opensAt", "closesAt", "winners", "field", "groups"];
    let mut object = Object::open(node, path, report, &known)?;
    let by: OrderWord = object.required("by", word("an order"))?;
    let own: &[&str] = match by {
        OrderWord::Fifo => &[],
        OrderWord::ShuffleThenFifo => &["opensAt"],
        OrderWord::Lottery => &["closesAt", "winners"],
        OrderWord::ByGroup => &["field", "groups"],
    };
    for key in known.iter().skip(1).filter(|key| !own.contains(key)) {
        if object.node(key).is_some() {
            let path = object.path(key);
            object.report.at(&path, format!("`{key}` has no meaning with order `{by}`"), "remove it");
        }
    }
    match by {
        OrderWord::Fifo => Some(WaitingOrder::Fifo {}),
        OrderWord::ShuffleThenFifo => {
            Some(WaitingOrder::ShuffleThenFifo { opens_at: object.required("opensAt", instant)? })
        }
        OrderWord::Lottery => {
            let closes_at = object.required("closesAt", instant);
            let winners = object.optional("winners", whole(1, limits::PEOPLE));
            Some(WaitingOrder::Lottery { closes_at: closes_at?, winners })
        }
        OrderWord::ByGroup => {
            let field = object.required("field", group_field);
            let groups = object.filled_list("groups", GROUPS, group);
            let (field, groups) = (field?, groups?);
            // With one left out the others would be named by the wrong places.
            if matches!(object.node("groups").map(|node| &node.value), Some(Value::List(all)) if all.len() == groups.len())
            {
                distinct(&groups, &object.path("groups"), object.report);
            }
            Some(WaitingOrder::ByGroup { field, groups })
        }
    }
}

fn group_field(node: &Node, path: &str, report: &mut Report) -> Option<GroupField> {
    let mut object = one_of(node, path, report, ["header", "cookie", "query"])?;
    let token = |text: &str| {
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if plain { Ok(text.to_owned()) } else { Err("is not a plain name") }
    };
    let named = |node: &Node, path: &str, report: &mut Report| {
        let remedy = |_: &str, _: &&'static str| "write letters, digits, `-`, `_` and `.`".to_owned();
        parsed(limits::NAME, token, remedy)(node, path, report)
    };
    if object.node("header").is_some() {
        object.optional("header", own_header).map(GroupField::Header)
    } else if object.node("cookie").is_some() {
        object.optional("cookie", named).map(GroupField::Cookie)
    } else {
        object.optional("query", named).map(GroupField::Query)
    }
}

fn group(node: &Node, path: &str, report: &mut Report) -> Option<WaitingGroup> {
    let mut object = Object::open(node, path, report, &["name", "values", "opensAt"])?;
    let name = object.required("name", name);
    let values = object.list("values", limits::ITEMS, text(limits::NAME));
    let opens_at = object.required("opensAt", instant);
    Some(WaitingGroup { name: name?, values, opens_at: opens_at? })
}

/// Each name and each value belongs to one group.
fn distinct(groups: &[WaitingGroup], path: &str, report: &mut Report) {
    let (mut names, mut values) = (BTreeSet::new(), BTreeSet::new());
    for (at, group) in groups.iter().enumerate() {
        let path = format!("{path}[{at}]");
        if !names.insert(&group.name) {
            let message = format!("group `{}` is declared twice", group.name);
            report.at(&format!("{path}.name"), message, "rename or remove one of them");
        }
        let meant =
            if group.values.is_empty() { std::slice::from_ref(&group.name) } else { &group.values[..] };
        for value in meant {
            if !values.insert(value) {
                let message = format!("{} means two groups", quoted(value));
                report.at(&path, message, "let it mean one of them");
            }
        }
    }
}

pub(super) fn waiting_room(node: &Node, path: &str, report: &mut Report) -> Option<WaitingRoom> {
    let known = ["most", "grace", "idle", "claimWithin", "status"];
    let mut object = Object::open(node, path, report, &known)?;
    Some(WaitingRoom {
        most: object.optional("most", whole(1, limits::PEOPLE)),
        grace: object.optional("grace", time("PT30S", "PT24H")),
        idle: object.optional("idle", time("PT1M", "PT24H")),
        claim_within: object.optional("claimWithin", time("PT10S", "PT1H")),
        status: object.optional("status", status),
    })
}

fn status(node: &Node, path: &str, report: &mut Report) -> Option<u16> {
    let status = whole(0, 999)(node, path, report)?;
    if !matches!(status, 200 | 503) {
        let message = format!("a waiting room is not answered with {status}");
        report.at(path, message, "write 503, or 200 where errors are replaced on the way");
        return None;
    }
    u16::try_from(status).ok()
}

/// A time between two, all in hours, minutes and seconds.
fn time(least: &'static str, most: &'static str) -> impl Fn(&Node, &str, &mut Report) -> Option<Period> {
    move |node, path, report| {
        let stated = period(node, path, report)?;
        let length = |text: &str| Period::parse(text).ok().as_ref().and_then(clock_time);
        let bounds =
            length(least).unwrap_or(SignedDuration::ZERO)..=length(most).unwrap_or(SignedDuration::MAX);
        if !clock_time(&stated).is_some_and(|time| bounds.contains(&time)) {
            let message = format!("{} is not a time from {least} to {most}", quoted(stated.as_str()));
            report.at(path, message, "write it in hours, minutes and seconds, like `PT5M`");
            return None;
        }
        Some(stated)
    }
}
