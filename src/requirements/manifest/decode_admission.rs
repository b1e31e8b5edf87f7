//! Reads the parameters of `mechanism: admission`: limits, channels, tenants. The waiting room: [`super::decode_waiting`].

use std::collections::BTreeMap;

use http::HeaderName;

use super::admission::{AdmissionParams, ChannelHeader, Entrance, KnownBy, TenantBudget, TenantBudgets};
use super::decode::{Object, Report, note_repeated};
use super::decode_waiting::{order, waiting_room};
use super::limits;
use super::routes::pattern_fault;
use super::system::Channel;
use super::tree::{Node, Value, join};
use super::values::{between, parsed, whole};
use super::wording::{quoted, shown, suggestion};

/// Most tenants with a budget of their own: each has a room.
const TENANTS: usize = 256;
/// Longest name of a tenant: it becomes part of a cookie's name and of a path.
const TENANT_NAME: usize = 40;

pub(super) fn admission(node: &Node, path: &str, report: &mut Report) -> Option<AdmissionParams> {
    let known = [
        "rate",
        "concurrency",
        "newcomersPerMinute",
        "reserve",
        "order",
        "channels",
        "tenants",
        "open",
        "apiClients",
        "waitingRoom",
    ];
    let mut object = Object::open(node, path, report, &known)?;
    let rate = object.required("rate", between(0.0, f64::INFINITY));
    let concurrency = object.required("concurrency", whole(1, limits::PEOPLE));
    let newcomers_per_minute = object.optional("newcomersPerMinute", whole(1, 60_000_000));
    let reserve = object.optional("reserve", reserve).unwrap_or_default();
    let order = object.optional("order", order);
    let entrances = |node: &Node, path: &str, report: &mut Report| by_channel(node, path, report, entrance);
    let channels = object.optional("channels", entrances).unwrap_or_default();
    let tenants = object.optional("tenants", tenants);
    let open = object.list("open", limits::ITEMS, plain_path);
    let api_clients = object.list("apiClients", limits::ITEMS, plain_path);
    let waiting_room = object.optional("waitingRoom", waiting_room);
    let params = AdmissionParams {
        rate: rate?,
        concurrency: concurrency?,
        newcomers_per_minute,
        reserve,
        order,
        channels,
        tenants,
        open,
        api_clients,
        waiting_room,
    };
    within(&params, &mut object);
    Some(params)
}

/// A tenant's part is a part: it cannot be more than the whole.
fn within(params: &AdmissionParams, object: &mut Object<'_, '_>) {
    let Some(tenants) = &params.tenants else { return };
    let each = tenants.each.iter().map(|each| ("each".to_owned(), each));
    let named = tenants.named.iter().map(|(name, own)| (format!("named.{}", shown(name)), own));
    for (place, budget) in each.chain(named) {
        let path = object.path(&format!("tenants.{place}"));
        if budget.rate.is_some_and(|rate| rate > params.rate) {
            let message = format!("the rate is above the system's, {}", params.rate);
            object.report.at(&join(&path, "rate"), message, "lower it");
        }
        if budget.concurrency.is_some_and(|people| people > params.concurrency) {
            let message = format!("the concurrency is above the system's, {}", params.concurrency);
            object.report.at(&join(&path, "concurrency"), message, "lower it");
        }
    }
}

fn reserve(node: &Node, path: &str, report: &mut Report) -> Option<BTreeMap<Channel, f64>> {
    let shares = by_channel(node, path, report, between(0.0, 1.0))?;
    if shares.values().sum::<f64>() >= 1.0 {
        report.at(path, "the reserved shares leave nothing for the others", "let their sum be below 1");
    }
    Some(shares)
}

/// A mapping whose keys are channels.
fn by_channel<T>(
    node: &Node,
    path: &str,
    report: &mut Report,
    read: impl Fn(&Node, &str, &mut Report) -> Option<T>,
) -> Option<BTreeMap<Channel, T>> {
    let words: Vec<&str> = Channel::ALL.iter().map(|channel| channel.as_str()).collect();
    if let Value::Map(entries) = &node.value {
        for (key, _) in entries.iter().filter(|(key, _)| !words.contains(&key.text.as_str())) {
            let message = format!("{} is not a channel", quoted(&key.text));
            report.at(path, message, suggestion(&key.text, &words));
        }
    }
    // Unknown channels have been named above, in the words of channels instead of fields.
    let known: Vec<String> = match &node.value {
        Value::Map(entries) => entries.iter().map(|(key, _)| key.text.clone()).collect(),
        _ => Vec::new(),
    };
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let mut object = Object::open(node, path, report, &known)?;
    let mut found = BTreeMap::new();
    for channel in Channel::ALL {
        if let Some(value) = object.optional(channel.as_str(), &read) {
            found.insert(*channel, value);
        }
    }
    Some(found)
}

fn entrance(node: &Node, path: &str, report: &mut Report) -> Option<Entrance> {
    let mut object = Object::open(node, path, report, &["knownBy", "weight"])?;
    let known_by = object.optional("knownBy", known_by);
    let weight = object.optional("weight", whole(1, 1_000)).and_then(|weight| u16::try_from(weight).ok());
    Some(Entrance { known_by, weight })
}

fn known_by(node: &Node, path: &str, report: &mut Report) -> Option<KnownBy> {
    let mut object = one_of(node, path, report, ["header", "host", "path"])?;
    if object.node("header").is_some() {
        object.optional("header", channel_header).map(KnownBy::Header)
    } else if object.node("host").is_some() {
        object.optional("host", host).map(KnownBy::Host)
    } else {
        object.optional("path", plain_path).map(KnownBy::Path)
    }
}

/// A mapping with exactly one of three keys.
pub(super) fn one_of<'n, 'r>(
    node: &'n Node,
    path: &str,
    report: &'r mut Report,
    known: [&str; 3],
) -> Option<Object<'n, 'r>> {
    let object = Object::open(node, path, report, &known)?;
    if known.iter().filter(|key| object.node(key).is_some()).count() != 1 {
        let [first, second, third] = known;
        let message = format!("exactly one of `{first}`, `{second}` and `{third}` is needed");
        object.report.at(path, message, "keep one of them");
        return None;
    }
    Some(object)
}

fn channel_header(node: &Node, path: &str, report: &mut Report) -> Option<ChannelHeader> {
    let mut object = Object::open(node, path, report, &["name", "value"])?;
    let name = object.required("name", own_header);
    let visible = |text: &str| {
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if visible { Ok(text.to_owned()) } else { Err("is not of visible ASCII characters") }
    };
    let remedy = |_: &str, _: &&'static str| "write one word, as the proxy sends it".to_owned();
    let value = object.required("value", parsed(limits::NAME, visible, remedy));
    Some(ChannelHeader { name: name?, value: value? })
}

/// A header field that only the operator's own proxies send. The guard takes it out of what comes from anybody else, so that it must
/// not be one that browsers need.
pub(super) fn own_header(node: &Node, path: &str, report: &mut Report) -> Option<String> {
    let own = |text: &str| {
        let name = HeaderName::try_from(text).map_err(|_| "is not a field's name")?;
        let own = name.as_str().starts_with("x-") && !name.as_str().starts_with("x-forwarded-");
        if own { Ok(name.as_str().to_owned()) } else { Err("is a field that others use, too") }
    };
    parsed(limits::NAME, own, |_, _| "write one of your own, like `x-desk`".to_owned())(node, path, report)
}

fn host(node: &Node, path: &str, report: &mut Report) -> Option<String> {
    let bare = |text: &str| {
        let authority: http::uri::Authority = text.parse().map_err(|_| "is not the name of a host")?;
        if authority.host() != text || authority.port().is_some() {
            return Err("is not the name of a host alone");
        }
        Ok(text.to_ascii_lowercase())
    };
    parsed(limits::LINE, bare, |_, _| "write it like `desk.example.jp`".to_owned())(node, path, report)
}

/// A pattern of paths as the guard reads it: decoded, so that it cannot be written in a second way.
fn plain_path(node: &Node, path: &str, report: &mut Report) -> Option<String> {
    pattern(node, path, report, false)
}

fn tenant_path(node: &Node, path: &str, report: &mut Report) -> Option<String> {
    pattern(node, path, report, true)
}

fn pattern(node: &Node, path: &str, report: &mut Report, of_tenant: bool) -> Option<String> {
    let read = |text: &str| {
        let tenants = text.split('/').filter(|segment| *segment == "{tenant}").count();
        if tenants != usize::from(of_tenant) {
            return Err(if of_tenant {
                "does not have one segment `{tenant}`"
            } else {
                "has a tenant in it"
            });
        }
        let plain = text.replace("/{tenant}", "/*");
        if let Some(fault) = pattern_fault(&plain) {
            return Err(fault);
        }
        if plain.contains(['{', '}', '%']) || edge::canonical(&plain).is_err() {
            return Err(
                "is not a plain path: it contains a brace, a percent sign or what servers read in two ways",
            );
        }
        if plain.split('/').count() > edge::MAX_PATTERN_SEGMENTS {
            return Err("has more than 31 segments");
        }
        Ok(text.to_owned())
    };
    let remedy = |_: &str, _: &&'static str| {
        let example = if of_tenant { "`/t/{tenant}/**`" } else { "`/api/**` or `/healthz`" };
        format!("write it like {example}")
    };
    parsed(limits::LINE, read, remedy)(node, path, report)
}

fn tenants(node: &Node, path: &str, report: &mut Report) -> Option<TenantBudgets> {
    let mut object = Object::open(node, path, report, &["paths", "each", "named"])?;
    let paths = object.list("paths", limits::ITEMS, tenant_path);
    let each = object.optional("each", budget);
    let each_is_wrong = object.node("each").is_some() && each.is_none();
    let named = object.required("named", named)?;
    let tenants = TenantBudgets { paths, each, named };
    if each_is_wrong {
        return None;
    }
    for (name, TenantBudget { rate, concurrency, .. }) in tenants.resolved() {
        for (key, stated) in [("rate", rate.is_some()), ("concurrency", concurrency.is_some())] {
            if !stated {
                let path = join(&join(&object.path("named"), name), key);
                let message = format!("tenant `{name}` has no `{key}`");
                object.report.at(&path, message, format!("add `{key}` here or in `each`"));
            }
        }
    }
    Some(tenants)
}

fn named(node: &Node, path: &str, report: &mut Report) -> Option<BTreeMap<String, TenantBudget>> {
    let Value::Map(entries) = &node.value else {
        report.expected(node, path, "a mapping");
        return None;
    };
    note_repeated(entries, path, report);
    if entries.is_empty() || entries.len() > TENANTS {
        let message = format!("there are {} tenants, not 1 to {TENANTS}", entries.len());
        report.at(path, message, "name those that need a budget of their own; all others share the system's");
        return None;
    }
    let mut named = BTreeMap::new();
    for (key, node) in entries {
        let path = join(path, &key.text);
        let name = key.text.as_str();
        let sound = (1..=TENANT_NAME).contains(&name.len())
            && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'));
        if !sound {
            let message = format!("{} is not the name of a tenant", quoted(name));
            let remedy = "write 1 to 40 lower-case letters, digits, `-` or `_`, as it stands in paths";
            report.at_place(key.at, &path, message, remedy);
        }
        if let Some(budget) = budget(node, &path, report) {
            named.insert(name.to_owned(), budget);
        }
    }
    Some(named)
}

fn budget(node: &Node, path: &str, report: &mut Report) -> Option<TenantBudget> {
    let mut object = Object::open(node, path, report, &["rate", "concurrency", "newcomersPerMinute"])?;
    Some(TenantBudget {
        rate: object.optional("rate", between(0.0, f64::INFINITY)),
        concurrency: object.optional("concurrency", whole(1, limits::PEOPLE)),
        newcomers_per_minute: object.optional("newcomersPerMinute", whole(1, 60_000_000)),
    })
}
