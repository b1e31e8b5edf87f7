//! From a draft to its messages: writing, looking at, approving, cancelling, trying again.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use uuid::Uuid;

use super::fanout::{Directory, Fanout};
use super::model::{
    Audience, Channel, Filter, Language, NewNotice, Notice, NoticeState, Reason, pseudonym_of, slug_of,
};
use super::plain::{Delivered, send_plain};
use super::store_events::{self as events, EventKind, NewEvent};
use super::template::{self, Text};
use super::{portal, store, store_messages, store_told};
use crate::access::{self, Action, Op, Scope, Tx};
use crate::audit::{Decision, Event};
use crate::error::{Error, Result};
use crate::incidents::{self, permit};

/// How far ahead a notice may be planned.
const MOST_AHEAD: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Messages that are tried again in one transaction: others wait for its end.
const PIECE: u64 = 2_000;
/// Names in a filter.
const MOST_NAMES: usize = 1_000;

/// Writes a draft for an approved revision. It sends nothing.
///
/// # Errors
/// `NOT_FOUND` (incident, revision), `CONFLICT` when the revision is not approved, `INVALID` naming every variable that is
/// missing or unusable, and those of permission.
pub async fn create_notice(op: &Op, tenant: Uuid, new: NewNotice) -> Result<Notice> {
    let scope = permit(op, Action::Create, "notice", "incident").await?.within(tenant, "incident")?;
    let NewNotice { incident, revision, audience, template, variables, delivery, filter } = new;
    let variables = variables.with_plain_line_ends();
    let incident = store::incident(scope.connection(), &scope, incident)
        .await?
        .ok_or_else(|| Error::not_found("incident"))?;
    template::check(audience, &template, &variables)?;
    check_filter(audience, &filter)?;
    if delivery
        .from
        .is_some_and(|from| from > scope.at().saturating_add(MOST_AHEAD).unwrap_or(Timestamp::MAX))
    {
        return Err(Error::invalid("sendFrom", "lies more than 30 days ahead")
            .remedy("the law's periods are shorter"));
    }
    let tx = scope.begin().await?;
    let notice = Notice {
        tenant,
        id: scope.new_id(),
        incident: incident.id,
        revision,
        audience,
        template,
        variables,
        state: NoticeState::Draft,
        author: scope.author(),
        created_at: scope.at(),
        approved_by: None,
        approved_at: None,
        delivery,
        filter,
    };
    require_approved_revision(&tx, &notice).await?;
    store::insert_notice(tx.connection(), &notice).await?;
    let event = Event::new("notice.create", format!("notice:{}", notice.id));
    tx.commit(event.detail(json!({
        "incident": notice.incident, "revision": revision, "audience": audience.as_str(), "template": notice.template
    })))
    .await?;
    Ok(notice)
}

/// A filter that takes nobody is told when the notice is approved; what can never be is told at once.
fn check_filter(audience: Audience, filter: &Filter) -> Result<()> {
    if audience == Audience::Tenants && (filter.confirmed_only || !filter.kinds.is_empty()) {
        return Err(Error::invalid("filter", "of a notice for tenants takes tenants alone")
            .remedy("a tenant hears of all its people on the list"));
    }
    if audience == Audience::Cleared && !filter.is_empty() {
        return Err(Error::invalid("filter", "does not fit a correction")
            .remedy("everybody who was told and is not on the list any more hears that"));
    }
    for (field, names) in [("filter.tenants", &filter.tenants), ("filter.kinds", &filter.kinds)] {
        if names.len() > MOST_NAMES {
            return Err(Error::invalid(field, format!("wants at most {MOST_NAMES} names")));
        }
        if names.iter().any(|name| name.is_empty() || name.len() > 100) {
            return Err(Error::invalid(field, "wants names of 1 to 100 bytes"));
        }
    }
    Ok(())
}

/// The number of the notice's revision, which must be the list in force.
async fn require_approved_revision(tx: &Tx, notice: &Notice) -> Result<i32> {
    let revision = store::revision(tx.connection(), notice.tenant, notice.revision).await?;
    let revision = revision
        .filter(|revision| revision.incident == notice.incident)
        .ok_or_else(|| Error::not_found("revision"))?;
    if !revision.approved {
        return Err(Error::conflict("the revision is not approved, or a newer one has taken its place")
            .remedy("approve the revision, or write the notice for the newest approved one"));
    }
    Ok(revision.number)
}

/// What a notice will look like, for two made-up recipients: an ordinary one, and one with everything long, strange or absent.
///
/// # Errors
/// `NOT_FOUND`, `INVALID` when the author has written nothing in this language, and those of permission.
pub async fn preview_notice(op: &Op, tenant: Uuid, id: Uuid, language: Language) -> Result<[Text; 2]> {
    let notice = super::notice(op, tenant, id).await?;
    if notice.variables.of(language).is_none() {
        return Err(Error::invalid("language", "the author has written nothing in this language"));
    }
    let [mut typical, mut worst_case] = template::samples(notice.audience, language);
    let side = portal::side_of(notice.audience);
    let link = side.and_then(|side| portal::sample(op.app(), side));
    (typical.link, worst_case.link) = (link.clone(), link);
    let render = |known| template::render(&notice.template, language, known, &notice.variables);
    Ok([render(&typical)?, render(&worst_case)?])
}

/// Sends a notice to whoever asks, and to nobody else, with a made-up recipient: how it looks in a mail program.
///
/// # Errors
/// `NOT_FOUND`, `INVALID` when the author has written nothing in this language, `CONFLICT` when one's login is no mail address,
/// `UNAVAILABLE` when the mail server does not take it now, and those of permission.
pub async fn send_test(op: &Op, tenant: Uuid, id: Uuid, language: Language) -> Result<()> {
    let [typical, _] = preview_notice(op, tenant, id, language).await?;
    let scope = permit(op, Action::Read, "notice", "notice").await?.within(tenant, "notice")?;
    let no_address = || {
        Error::conflict("your login is no mail address that the server takes")
            .remedy("sign in with an account whose login is your mail address")
    };
    let address = access::own_address(&scope).await?.ok_or_else(no_address)?;
    let mark = match language {
        Language::Ja => "【テスト】",
        Language::En => "[Test] ",
    };
    let text = Text { subject: format!("{mark}{}", typical.subject), body: typical.body };
    scope.record(tenant, vec![Event::new("notice.test", format!("notice:{id}"))]).await?;
    match send_plain(&scope, &format!("test-{}", scope.new_id()), &address, language, &text).await? {
        Delivered::Accepted => Ok(()),
        Delivered::Never => Err(no_address()),
        Delivered::NotNow => Err(Error::unavailable("the mail server")),
    }
}

/// Approves a notice and makes its messages, all in one transaction: one for each recipient who has not been told of this
/// incident yet (for tenants: whose list has changed since). Who cannot be reached has a failed message with the reason.
///
/// # Errors
/// `NOT_FOUND`; `FORBIDDEN` to its author; `CONFLICT` when it is no draft, its revision is not approved any more, or nobody is
/// left to tell, or while it is not known yet what becomes of a cancelled one; and those of permission.
pub async fn approve_notice(op: &Op, tenant: Uuid, id: Uuid) -> Result<Notice> {
    let scope = permit(op, Action::Approve, "notice", "notice").await?.within(tenant, "notice")?;
    let tx = scope.begin().await?;
    let mut notice =
        store::notice(tx.connection(), tenant, id).await?.ok_or_else(|| Error::not_found("notice"))?;
    if op.actor().account.is_none_or(|account| account == notice.author) {
        drop(tx);
        let event = Event::new("notice.approve", format!("notice:{id}")).decision(Decision::Denied);
        scope.record(tenant, vec![event.detail(json!({ "why": "author" }))]).await?;
        return Err(
            Error::forbidden("approve", "notice").remedy("somebody other than its author approves a notice")
        );
    }
    store::lock_incident(tx.connection(), tenant, notice.incident).await?;
    let number = require_approved_revision(&tx, &notice).await?;
    // They would count as told, and then be given up: nobody would tell these people.
    if store_told::cancelled_under_way(tx.connection(), &notice).await? {
        return Err(Error::conflict("a sender still has messages of a cancelled notice in hand")
            .remedy("try again in a moment; after a crash, when outbox.lease_seconds have passed"));
    }
    let (by, at) = (scope.author(), scope.at_micros());
    if !store::move_notice(
        tx.connection(),
        &notice,
        &[NoticeState::Draft],
        NoticeState::Approved,
        Some((by, at)),
    )
    .await?
    {
        return Err(Error::conflict("only a draft can be approved"));
    }
    let (mut total, mut unreachable, mut taken_over) = (0, 0, 0);
    let mut fanout = Fanout::begin(&scope, &tx, &notice).await?;
    while let Some(mut messages) = fanout.next().await? {
        total += messages.len();
        unreachable += messages.iter().filter(|message| message.reason.is_some()).count();
        taken_over += store_told::take_over(tx.connection(), &notice, &mut messages).await?;
        store_messages::insert_messages(tx.connection(), messages).await?;
    }
    let told = fanout.told;
    if total == 0 {
        return Err(Error::conflict(match told {
            0 if notice.audience == Audience::Cleared => "nobody who was told is off the list",
            0 if !notice.filter.is_empty() => "nobody on the list passes the filter",
            0 => "nobody on the list is to be told",
            _ => "everybody on the list has been told already",
        }));
    }
    let event = Event::new("notice.approve", format!("notice:{id}"));
    tx.commit(event.detail(json!({
        "revision": number, "messages": total, "unreachable": unreachable, "told_before": told,
        "taken_over": taken_over
    })))
    .await?;
    (notice.state, notice.approved_by, notice.approved_at) =
        (NoticeState::Approved, Some(by), Some(scope.at()));
    Ok(notice)
}

/// Gives a notice up. What waits is never sent, also when a worker has taken it already; only the mail that is on its way to
/// the server at this moment, one for each connection, may still arrive. Another notice for the same list takes over whatever
/// of this one was not accepted. It waits for the end of an approval of the same incident; pausing does not.
///
/// # Errors
/// `NOT_FOUND`, `CONFLICT` when it is done or cancelled already, and those of permission.
pub async fn cancel_notice(op: &Op, tenant: Uuid, id: Uuid) -> Result<Notice> {
    let scope = permit(op, Action::Cancel, "notice", "notice").await?.within(tenant, "notice")?;
    let tx = scope.begin().await?;
    let mut notice =
        store::notice(tx.connection(), tenant, id).await?.ok_or_else(|| Error::not_found("notice"))?;
    // Not while another one is approved: whom this one was about to tell counts as told there. It may have been this one itself.
    store::lock_incident(tx.connection(), tenant, notice.incident).await?;
    notice = store::notice(tx.connection(), tenant, id).await?.ok_or_else(|| Error::not_found("notice"))?;
    let open = [NoticeState::Draft, NoticeState::Approved, NoticeState::Paused];
    if !store::move_notice(tx.connection(), &notice, &open, NoticeState::Cancelled, None).await? {
        return Err(Error::conflict("the notice is done or cancelled already"));
    }
    let stopped = store_messages::fail_waiting(tx.connection(), &notice).await?;
    // Some of its mails may have been accepted: from the first of them on the persons are told.
    if matches!(notice.state, NoticeState::Approved | NoticeState::Paused) {
        incidents::reassess(&tx, notice.incident, scope.new_id()).await?;
    }
    let event = Event::new("notice.cancel", format!("notice:{id}"));
    tx.commit(event.detail(json!({ "stopped": stopped }))).await?;
    notice.state = NoticeState::Cancelled;
    Ok(notice)
}

/// Holds a notice up: what waits, waits; the mails that are on their way at this moment, one for each connection, may still arrive.
///
/// # Errors
/// `NOT_FOUND`, `CONFLICT` when it is not being sent, and those of permission.
pub async fn pause_notice(op: &Op, tenant: Uuid, id: Uuid) -> Result<Notice> {
    turn(op, tenant, id, NoticeState::Approved, NoticeState::Paused, "notice.pause").await
}

/// Lets it go on.
///
/// # Errors
/// `NOT_FOUND`, `CONFLICT` when it is not paused, and those of permission.
pub async fn resume_notice(op: &Op, tenant: Uuid, id: Uuid) -> Result<Notice> {
    turn(op, tenant, id, NoticeState::Paused, NoticeState::Approved, "notice.resume").await
}

async fn turn(
    op: &Op,
    tenant: Uuid,
    id: Uuid,
    from: NoticeState,
    to: NoticeState,
    action: &'static str,
) -> Result<Notice> {
    let scope = permit(op, Action::Cancel, "notice", "notice").await?.within(tenant, "notice")?;
    let tx = scope.begin().await?;
    let mut notice =
        store::notice(tx.connection(), tenant, id).await?.ok_or_else(|| Error::not_found("notice"))?;
    if !store::move_notice(tx.connection(), &notice, &[from], to, None).await? {
        return Err(Error::conflict(match from {
            NoticeState::Paused => "the notice is not paused",
            _ => "the notice is not being sent",
        }));
    }
    tx.commit(Event::new(action, format!("notice:{id}"))).await?;
    notice.state = to;
    Ok(notice)
}

/// Tries the messages of a notice again that failed or came back, for instance when addresses have been corrected. Text and audience stay as
/// they were approved, and so does each Message-ID. Whoever has been told by another notice meanwhile is left as he is. Very many are taken
/// piece by piece: where it ends in between, what was not taken up is still in vain, and the next try takes it.
///
/// # Errors
/// `NOT_FOUND`, `CONFLICT` when it was never approved, was cancelled, its list has been revised or nothing has failed, and
/// those of permission.
pub async fn retry_notice(op: &Op, tenant: Uuid, id: Uuid) -> Result<Notice> {
    let scope = permit(op, Action::Update, "message", "notice").await?.within(tenant, "notice")?;
    let (mut after, mut retried) = (None, None);
    loop {
        let tx = scope.begin().await?;
        let mut notice =
            store::notice(tx.connection(), tenant, id).await?.ok_or_else(|| Error::not_found("notice"))?;
        // The incident before the notice, as wherever both are taken: whoever takes them the other way round is waited for in turn.
        store::lock_incident(tx.connection(), tenant, notice.incident).await?;
        let from = [NoticeState::Approved, NoticeState::Done];
        if !store::move_notice(tx.connection(), &notice, &from, NoticeState::Approved, None).await? {
            return Err(Error::conflict("only the messages of an approved notice can be tried again"));
        }
        require_approved_revision(&tx, &notice).await?;
        let mut failed = store_messages::in_vain(tx.connection(), &notice, after, PIECE).await?;
        let full = failed.len() as u64 == PIECE;
        after = failed.last().map(|last| last.id).or(after);
        let recipients: Vec<&str> = failed.iter().map(|message| message.recipient.as_str()).collect();
        let told = store_told::told_elsewhere(tx.connection(), &notice, &recipients).await?;
        failed.retain(|message| !told.contains(&message.recipient));
        if !failed.is_empty() {
            readdress(&scope, &tx, &notice, &failed).await?;
            let from = notice.delivery.from.map_or(scope.at(), |from| from.max(scope.at()));
            let queued = store_messages::requeue(tx.connection(), &failed, from.as_microsecond()).await?;
            if queued != failed.len() as u64 {
                return Err(Error::conflict("messages of this notice changed meanwhile").remedy("try again"));
            }
            for failed in failed.chunks(store::CHUNK) {
                let new = || NewEvent { author: Some(scope.author()), ..NewEvent::default() };
                let entries = failed.iter().map(|message| (message.id, EventKind::Requeued, new()));
                events::append_each(&tx, entries.collect()).await?;
            }
            let event = Event::new("notice.retry", format!("notice:{id}"));
            tx.commit(event.detail(json!({ "messages": queued }))).await?;
            notice.state = NoticeState::Approved;
            retried = Some(notice);
        }
        if !full {
            break;
        }
    }
    retried.ok_or_else(|| {
        Error::conflict(match after {
            None => "no message of this notice has failed or come back",
            Some(_) => "another notice has told everybody whom this one did not reach",
        })
    })
}

/// Looks once more for the people whom nobody knew where to reach.
async fn readdress(scope: &Scope, tx: &Tx, notice: &Notice, failed: &[super::Message]) -> Result<()> {
    let lost: Vec<_> = failed.iter().filter(|message| message.reason == Some(Reason::NoAddress)).collect();
    if lost.is_empty() || notice.audience == Audience::Tenants {
        return Ok(());
    }
    let persons: Vec<&str> = lost.iter().map(|message| pseudonym_of(&message.recipient)).collect();
    let places = store::affected_among(tx.connection(), notice.tenant, notice.revision, &persons).await?;
    let known = Directory::read(scope, tx, notice, places).await?;
    for message in lost {
        debug_assert!(message.channel == Channel::Mail && slug_of(&message.recipient).is_none());
        if let Some((tenant, record_type, language)) = known.reach(pseudonym_of(&message.recipient)) {
            let language = notice.variables.choose(language);
            store_messages::readdress(tx.connection(), message, tenant, Some(record_type), language).await?;
        }
    }
    Ok(())
}
