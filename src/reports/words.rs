//! Words of the report in both languages, and times as people write them.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use law::Lang;

use crate::duties::DutyState;
use crate::incidents::affected::{Method, State};
use crate::incidents::model::{
    ActionState, Direction, EntryKind, FindingSource, InquiryState, Party, Precision, Status, TeamRole,
};
use crate::notices::{Audience, NoticeState};

/// Language and zone of a report.
#[derive(Clone)]
pub struct Words {
    pub lang: Lang,
    zone: TimeZone,
}

macro_rules! labels {
    ($name:ident($type:ty) { $($pattern:pat => $en:literal, $ja:literal;)+ }) => {
        pub fn $name(&self, value: $type) -> String {
            match value { $($pattern => self.say($en, $ja),)+ }.to_owned()
        }
    };
}

impl Words {
    /// The zone of its times.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// An unknown zone is read as UTC; incidents only take known ones.
    pub fn new(lang: Lang, zone: &str) -> Self {
        Self { lang, zone: TimeZone::get(zone).unwrap_or(TimeZone::UTC) }
    }

    /// With a zone that has no name.
    pub fn within(lang: Lang, zone: TimeZone) -> Self {
        Self { lang, zone }
    }

    /// The text of the language.
    pub fn say<'t>(&self, en: &'t str, ja: &'t str) -> &'t str {
        if self.lang == Lang::Ja { ja } else { en }
    }

    fn local(&self, at: Timestamp) -> Zoned {
        at.to_zoned(self.zone.clone())
    }

    /// `2023年10月26日（木）`, `Thu 26 Oct 2023`.
    pub fn day(&self, at: Timestamp) -> String {
        let local = self.local(at);
        if self.lang == Lang::En {
            return local.strftime("%a %-d %b %Y").to_string();
        }
        let weekday = ["月", "火", "水", "木", "金", "土", "日"];
        let index = usize::from(local.weekday().to_monday_zero_offset().unsigned_abs());
        format!("{}年{}月{}日（{}）", local.year(), local.month(), local.day(), weekday[index])
    }

    fn clock(&self, at: Timestamp) -> String {
        let local = self.local(at);
        local.strftime(if local.second() == 0 { "%H:%M" } else { "%H:%M:%S" }).to_string()
    }

    /// Day and time.
    pub fn moment(&self, at: Timestamp) -> String {
        let separator = self.say(", ", " ");
        format!("{}{separator}{}", self.day(at), self.clock(at))
    }

    /// An instant as exactly as it is known, with its end where it lasted.
    pub fn occurred(&self, at: Timestamp, until: Option<Timestamp>, precision: Precision) -> String {
        let start = match (precision, self.lang) {
            (Precision::Day, _) => self.day(at),
            (Precision::Exact, _) => self.moment(at),
            (Precision::About, Lang::Ja) => format!("{}頃", self.moment(at)),
            (Precision::About, Lang::En) => format!("{}, about {}", self.day(at), self.clock(at)),
            (Precision::From, Lang::Ja) => format!("{}から順次", self.moment(at)),
            (Precision::From, Lang::En) => format!("{}, from {}", self.day(at), self.clock(at)),
        };
        let Some(until) = until else { return start };
        let same_day = self.local(at).date() == self.local(until).date();
        let end = match (precision, same_day) {
            (Precision::Day, true) => return start,
            (Precision::Day, false) => self.day(until),
            (_, true) => self.clock(until),
            (_, false) => self.moment(until),
        };
        format!("{start}{}{end}", self.say("–", "～"))
    }

    /// `4時間41分`, `4 h 41 min`; days where there are any.
    pub fn duration(&self, from: Timestamp, to: Timestamp) -> Option<String> {
        let minutes = to.duration_since(from).as_mins();
        if minutes < 0 {
            return None;
        }
        let parts =
            [(minutes / 1440, "d", "日"), (minutes / 60 % 24, "h", "時間"), (minutes % 60, "min", "分")];
        let shown: Vec<String> = parts
            .iter()
            .filter(|(amount, ..)| *amount > 0)
            .map(|(amount, en, ja)| match self.lang {
                Lang::En => format!("{amount} {en}"),
                Lang::Ja => format!("{amount}{ja}"),
            })
            .collect();
        Some(if shown.is_empty() {
            self.say("less than 1 min", "1分未満").to_owned()
        } else {
            shown.join(self.say(" ", ""))
        })
    }

    labels! { status(Status) {
        Status::Open => "open", "対応中";
        Status::Contained => "contained", "封じ込め済み";
        Status::Resolved => "resolved", "解決済み";
        Status::Closed => "closed", "終結";
    }}

    labels! { role(TeamRole) {
        TeamRole::Head => "Head", "本部長";
        TeamRole::DeputyHead => "Deputy head", "副本部長";
        TeamRole::Coordinator => "Coordinator", "調整担当";
        TeamRole::Investigator => "Investigator", "調査担当";
        TeamRole::Communications => "Communications", "広報・連絡担当";
        TeamRole::Legal => "Legal", "法務担当";
        TeamRole::PrivacyOfficer => "Privacy officer", "個人情報保護責任者";
        TeamRole::VendorContact => "Vendor contact", "委託先・ベンダー窓口";
        TeamRole::PublicContact => "Public contact", "お問い合わせ窓口";
        TeamRole::Recorder => "Recorder", "記録担当";
    }}

    labels! { kind(EntryKind) {
        EntryKind::Summary => "Summary", "概要";
        EntryKind::Cause => "Cause", "原因";
        EntryKind::Impact => "Impact", "影響";
        EntryKind::Event => "Event", "事象・作業";
        EntryKind::Detection => "Detection", "検知";
        EntryKind::Report => "Report received", "通報";
        EntryKind::Decision => "Decision", "判断";
        EntryKind::Containment => "Containment", "封じ込め";
        EntryKind::Investigation => "Investigation", "調査";
        EntryKind::Meeting => "Meeting", "会議";
        EntryKind::Communication => "Communication", "連絡";
        EntryKind::Authority => "Authority", "監督機関";
        EntryKind::Measure => "Measure", "措置";
        EntryKind::Correction => "Correction", "訂正";
        EntryKind::Note => "Note", "備考";
        EntryKind::Status => "Status", "状態";
        EntryKind::Times => "Times", "時刻の記録";
        EntryKind::Assessment => "Law", "法的評価";
    }}

    labels! { finding_source(FindingSource) {
        FindingSource::Person => "a person", "人からの通報";
        FindingSource::Check => "a check", "検査";
        FindingSource::Probe => "a probe", "監視（カナリア）";
        FindingSource::Guard => "the guard", "関所";
    }}

    labels! { list_state(State) {
        State::Receiving => "being received", "受信中";
        State::Draft => "draft", "暫定";
        State::Approved => "approved", "承認済み";
        State::Superseded => "superseded", "後の版に置き換え";
    }}

    labels! { method(Method) {
        Method::Window => "from the logs of the window: everybody who logged in or fetched a personal page (upper bound)",
            "時間帯のログから抽出（ログインまたは個人のページを取得した人すべて＝上限）";
        Method::Reconstruction => "from the same logs of edge and origin, joined: whose page may have gone to somebody else",
            "配信網とサーバのログを突き合わせ、他の人に届いた、または届いた可能性のあるページの本人を特定";
        Method::EnforcementLog => "from the record of what was read through this service",
            "本サービスを通じた閲覧の記録から抽出";
        Method::Manual => "an officer's correction of the revision before", "担当者による前の版の訂正";
    }}

    labels! { direction(Direction) {
        Direction::Incoming => "received from", "受付";
        Direction::Outgoing => "asked of", "照会";
    }}

    labels! { party(Party) {
        Party::Tenant => "tenant", "利用者";
        Party::Vendor => "vendor", "ベンダー";
        Party::Authority => "authority", "監督機関";
        Party::Person => "person", "個人";
    }}

    labels! { inquiry_state(InquiryState) {
        InquiryState::Open => "open", "未回答";
        InquiryState::Answered => "answered", "回答あり";
        InquiryState::Closed => "closed", "終了";
    }}

    labels! { action_state(ActionState) {
        ActionState::Planned => "planned", "予定";
        ActionState::Done => "done", "完了";
        ActionState::Dropped => "dropped", "取りやめ";
    }}

    labels! { duty_state(DutyState) {
        DutyState::Open => "open", "未了";
        DutyState::Done => "done", "完了";
        DutyState::Waived => "waived", "不実施（理由あり）";
        DutyState::Superseded => "no longer asked for", "不要となった";
    }}

    labels! { certainty(law::Certainty) {
        law::Certainty::Confirmed => "confirmed", "確認済み";
        law::Certainty::Suspected => "suspected", "おそれ";
        law::Certainty::RuledOut => "ruled out", "否定";
    }}

    labels! { audience(Audience) {
        Audience::Persons => "persons", "本人";
        Audience::Tenants => "tenants", "利用者（組織）";
        Audience::Cleared => "persons no longer concerned", "対象外と判明した本人";
    }}

    labels! { notice_state(NoticeState) {
        NoticeState::Draft => "draft", "下書き";
        NoticeState::Approved => "being sent", "送信中";
        NoticeState::Paused => "paused", "中断中";
        NoticeState::Done => "done", "送信完了";
        NoticeState::Cancelled => "cancelled", "取りやめ";
    }}
}
