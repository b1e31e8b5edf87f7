//! What requirements state of those who wait, as the guard's settings: order, groups, times.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use guard::admission::{Asking, Group, GroupFunction, Order, Room};
use http::header;
use jiff::Timestamp;

use crate::requirements::manifest::{
    AdmissionParams, GroupField, Period, WaitingGroup, WaitingOrder, WaitingRoom, clock_time,
};

const MOST_WAITING: u32 = 1_000_000;
const GRACE: Duration = Duration::from_secs(300);
const IDLE: Duration = Duration::from_secs(900);
const CLAIM_WITHIN: Duration = Duration::from_secs(120);
const REFRESH: Duration = Duration::from_secs(20);
const RENEW: Duration = Duration::from_secs(60);

/// The room. `settle`: after a start, for those who waited before it.
pub fn room(params: &AdmissionParams, settle: Duration) -> Room {
    let WaitingRoom { most, grace, idle, claim_within, status: _ } =
        params.waiting_room.clone().unwrap_or_default();
    let (order, group_of) = order(params.order.as_ref());
    let (grace, claim_within) = (length(grace, GRACE), length(claim_within, CLAIM_WITHIN));
    // Asked for again early enough that nobody misses the call: a page may be a quarter late.
    let shortest = grace.min(claim_within).min(if settle.is_zero() { Duration::MAX } else { settle });
    Room {
        order,
        group_of,
        most_waiting: most.unwrap_or(MOST_WAITING),
        grace,
        idle: length(idle, IDLE),
        claim_within,
        settle,
        refresh: REFRESH.min(shortest / 2),
        renew: RENEW,
    }
}

fn length(stated: Option<Period>, otherwise: Duration) -> Duration {
    let stated = stated.as_ref().and_then(clock_time);
    stated.and_then(|time| Duration::try_from(time).ok()).unwrap_or(otherwise)
}

fn order(stated: Option<&WaitingOrder>) -> (Order, Option<GroupFunction>) {
    match stated {
        None | Some(WaitingOrder::Fifo {}) => (Order::Fifo, None),
        Some(WaitingOrder::ShuffleThenFifo { opens_at }) => {
            (Order::ShuffleThenFifo { opens_at: since_1970(*opens_at) }, None)
        }
        Some(WaitingOrder::Lottery { closes_at, winners }) => {
            (Order::Lottery { closes_at: since_1970(*closes_at), winners: *winners }, None)
        }
        Some(WaitingOrder::ByGroup { field, groups }) => {
            let group = |group: &WaitingGroup| Group {
                name: group.name.clone(),
                opens_at: since_1970(group.opens_at),
            };
            (Order::ByGroup { groups: groups.iter().map(group).collect() }, Some(group_of(field, groups)))
        }
    }
}

/// What lies before 1970 has come long ago.
fn since_1970(at: Timestamp) -> Duration {
    Duration::from_micros(u64::try_from(at.as_microsecond()).unwrap_or_default())
}

/// Tells a visitor's group by a field of the request.
fn group_of(field: &GroupField, groups: &[WaitingGroup]) -> GroupFunction {
    let meant = groups.iter().enumerate().flat_map(|(at, group)| {
        let named = group.values.is_empty().then_some(&group.name);
        group.values.iter().chain(named).map(move |value| (value.clone(), at))
    });
    let (meant, field): (HashMap<String, usize>, _) = (meant.collect(), field.clone());
    Arc::new(move |asking| said(&field, asking).and_then(|value| meant.get(&value).copied()))
}

fn said(field: &GroupField, asking: Asking<'_>) -> Option<String> {
    match field {
        // From anybody else it is only what somebody would like to be.
        GroupField::Header(_) if !asking.trusted => None,
        GroupField::Header(name) => {
            let mut lines = asking.fields.get_all(name).iter();
            let said = lines.next()?.to_str().ok()?.to_owned();
            lines.next().is_none().then_some(said)
        }
        GroupField::Cookie(name) => {
            let lines = asking.fields.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
            let mut cookies = lines.flat_map(|line| line.split(';')).filter_map(|cookie| {
                let (known, value) = cookie.split_once('=')?;
                Some((known.trim(), value.trim()))
            });
            cookies.find(|(known, _)| known == name).map(|(_, value)| value.to_owned())
        }
        GroupField::Query(name) => {
            let query = asking.uri.query()?;
            let mut parameters = form_urlencoded::parse(query.as_bytes());
            parameters.find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
        }
    }
}
