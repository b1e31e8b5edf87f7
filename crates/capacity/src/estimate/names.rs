//! The inputs and quantities of the chain, with their units and their names for people.

use serde::{Deserialize, Serialize};

use super::distribution::Distribution;
use super::unit::Dimension;
use crate::text::Lang;

/// An uncertain assumption.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Input {
    /// How many people may use the system.
    Population,
    /// Share of them who try on day one.
    TriesOnDayOne,
    /// Share of day one's users who come with the opening burst.
    ComesAtOpening,
    /// Time constant of the burst, seconds: its people divided by its highest arrival rate.
    BurstTime,
    /// Dynamic requests of one completed visit.
    RequestsPerSession,
    /// Length of a visit, seconds.
    SessionTime,
    /// Time that the origin works on one request, seconds.
    ServiceTime,
    /// By how much reloads and retries multiply requests when nobody holds the people.
    RetryFactor,
    /// Size of the first page with all that it loads, bytes.
    FirstPage,
}

impl Input {
    /// All, in the order of the chain.
    pub const ALL: [Input; 9] = [
        Input::Population,
        Input::TriesOnDayOne,
        Input::ComesAtOpening,
        Input::BurstTime,
        Input::RequestsPerSession,
        Input::SessionTime,
        Input::ServiceTime,
        Input::RetryFactor,
        Input::FirstPage,
    ];

    /// Name in documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Input::Population => "population",
            Input::TriesOnDayOne => "triesOnDayOne",
            Input::ComesAtOpening => "comesAtOpening",
            Input::BurstTime => "burstTime",
            Input::RequestsPerSession => "requestsPerSession",
            Input::SessionTime => "sessionTime",
            Input::ServiceTime => "serviceTime",
            Input::RetryFactor => "retryFactor",
            Input::FirstPage => "firstPage",
        }
    }

    /// Path in a specification.
    pub(super) fn path(self) -> String {
        match self {
            Input::Population => "population".to_owned(),
            input => format!("inputs.{}", input.as_str()),
        }
    }

    pub(super) fn dimension(self) -> Dimension {
        match self {
            Input::Population | Input::RequestsPerSession | Input::RetryFactor => Dimension::Plain,
            Input::TriesOnDayOne | Input::ComesAtOpening => Dimension::Share,
            Input::BurstTime | Input::SessionTime | Input::ServiceTime => Dimension::Time,
            Input::FirstPage => Dimension::Size,
        }
    }

    /// Least and greatest value that makes sense, in base units. Wide; they keep slips of the pen and numbers beyond
    /// floating point out.
    pub(super) fn bounds(self) -> (f64, f64) {
        match self {
            Input::Population => (1.0, 1e10),
            Input::TriesOnDayOne | Input::ComesAtOpening => (1e-6, 1.0),
            Input::BurstTime | Input::SessionTime => (1.0, 366.0 * 86_400.0),
            Input::RequestsPerSession => (1.0, 1e6),
            Input::ServiceTime => (1e-6, 86_400.0),
            Input::RetryFactor => (1.0, 1e3),
            Input::FirstPage => (1.0, 1e12),
        }
    }

    pub(super) fn default_shape(self) -> Distribution {
        if self.dimension() == Dimension::Share { Distribution::LogitNormal } else { Distribution::LogNormal }
    }

    /// Base unit as shown.
    pub fn unit(self) -> &'static str {
        match self {
            Input::Population => "people",
            Input::TriesOnDayOne | Input::ComesAtOpening => "1",
            Input::BurstTime | Input::SessionTime | Input::ServiceTime => "s",
            Input::RequestsPerSession => "requests",
            Input::RetryFactor => "x",
            Input::FirstPage => "B",
        }
    }

    /// For people.
    pub fn label(self, lang: Lang) -> &'static str {
        let (en, ja) = match self {
            Input::Population => ("People who may use it", "対象者数"),
            Input::TriesOnDayOne => ("Share who try on day one", "初日に利用する割合"),
            Input::ComesAtOpening => ("Share of them at the opening", "うち開始直後に集中する割合"),
            Input::BurstTime => ("Burst time constant", "集中の時定数"),
            Input::RequestsPerSession => ("Requests per visit", "1回の手続きの要求数"),
            Input::SessionTime => ("Length of a visit", "1回の手続きの時間"),
            Input::ServiceTime => ("Service time of a request", "要求1件の処理時間"),
            Input::RetryFactor => ("Reloads and retries", "再読み込み・再試行の倍率"),
            Input::FirstPage => ("Size of the first page", "最初の画面の容量"),
        };
        if lang == Lang::En { en } else { ja }
    }
}

/// A result of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Quantity {
    /// People who use the system on day one.
    UsersDayOne,
    /// Those who come with the opening burst.
    UsersInBurst,
    /// New people per second at the peak.
    ArrivalRate,
    /// People inside at the peak if all are let in.
    ActiveUsers,
    /// Dynamic requests per second that those inside need at the peak.
    UsefulRate,
    /// Requests per second at the door at the peak, with reloads and retries.
    FrontDoorRate,
    /// Useful requests being worked on at once at the peak (Little's law: rate times service time).
    InFlight,
    /// Places (workers, connections) needed so that they are busy no more than the declared utilisation.
    Servers,
    /// First pages at the peak, megabits per second.
    Traffic,
    /// Dynamic requests of day one.
    RequestsDayOne,
    /// Useful rate at the peak over the mean of day one. Derived; as an input it would hide the burst.
    PeakFactor,
}

impl Quantity {
    /// All, in the order of the chain.
    pub const ALL: [Quantity; 11] = [
        Quantity::UsersDayOne,
        Quantity::UsersInBurst,
        Quantity::ArrivalRate,
        Quantity::ActiveUsers,
        Quantity::UsefulRate,
        Quantity::FrontDoorRate,
        Quantity::InFlight,
        Quantity::Servers,
        Quantity::Traffic,
        Quantity::RequestsDayOne,
        Quantity::PeakFactor,
    ];

    pub(super) fn index(self) -> usize {
        self as usize
    }

    /// Name in documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Quantity::UsersDayOne => "usersDayOne",
            Quantity::UsersInBurst => "usersInBurst",
            Quantity::ArrivalRate => "arrivalRate",
            Quantity::ActiveUsers => "activeUsers",
            Quantity::UsefulRate => "usefulRate",
            Quantity::FrontDoorRate => "frontDoorRate",
            Quantity::InFlight => "inFlight",
            Quantity::Servers => "servers",
            Quantity::Traffic => "traffic",
            Quantity::RequestsDayOne => "requestsDayOne",
            Quantity::PeakFactor => "peakFactor",
        }
    }

    pub(super) fn dimension(self) -> Dimension {
        match self {
            Quantity::UsersDayOne | Quantity::UsersInBurst | Quantity::ActiveUsers => Dimension::Plain,
            Quantity::InFlight | Quantity::Servers | Quantity::RequestsDayOne => Dimension::Plain,
            Quantity::PeakFactor => Dimension::Plain,
            Quantity::ArrivalRate | Quantity::UsefulRate | Quantity::FrontDoorRate => Dimension::Rate,
            Quantity::Traffic => Dimension::DataRate,
        }
    }

    /// Unit of its figures.
    pub fn unit(self) -> &'static str {
        match self {
            Quantity::UsersDayOne | Quantity::UsersInBurst | Quantity::ActiveUsers => "people",
            Quantity::ArrivalRate => "people/s",
            Quantity::UsefulRate | Quantity::FrontDoorRate => "requests/s",
            Quantity::InFlight | Quantity::RequestsDayOne => "requests",
            Quantity::Servers => "places",
            Quantity::Traffic => "Mbit/s",
            Quantity::PeakFactor => "x",
        }
    }

    /// Its unit for people.
    pub fn unit_label(self, lang: Lang) -> &'static str {
        match (lang, self.unit()) {
            (Lang::Ja, "people") => "人",
            (Lang::Ja, "people/s") => "人/秒",
            (Lang::Ja, "requests/s") => "件/秒",
            (Lang::Ja, "requests") => "件",
            (Lang::Ja, "places") => "本",
            (Lang::Ja, "x") => "倍",
            (Lang::En, "x") => "times",
            (_, unit) => unit,
        }
    }

    /// For people.
    pub fn label(self, lang: Lang) -> &'static str {
        let (en, ja) = match self {
            Quantity::UsersDayOne => ("Users on day one", "初日の利用者"),
            Quantity::UsersInBurst => ("Users in the opening burst", "開始直後の利用者"),
            Quantity::ArrivalRate => ("New users at the peak", "ピーク時の新規利用者"),
            Quantity::ActiveUsers => ("People inside if all are let in", "全員を入れた場合の同時利用者"),
            Quantity::UsefulRate => ("Useful requests", "必要な処理要求"),
            Quantity::FrontDoorRate => ("Front door, with retries", "再試行を含む入口の要求"),
            Quantity::InFlight => ("Requests in flight", "同時処理中の要求"),
            Quantity::Servers => ("Workers or connections", "処理枠（ワーカー・接続）"),
            Quantity::Traffic => ("First-page traffic", "最初の画面の通信量"),
            Quantity::RequestsDayOne => ("Requests of day one", "初日の要求総数"),
            Quantity::PeakFactor => ("Peak over the day's mean", "一日平均に対するピーク倍率"),
        };
        if lang == Lang::En { en } else { ja }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_documents_and_each_index_is_its_place() {
        for (at, quantity) in Quantity::ALL.into_iter().enumerate() {
            assert_eq!(serde_json::to_value(quantity).expect("a word"), quantity.as_str());
            assert_eq!(quantity.index(), at);
        }
        for (at, input) in Input::ALL.into_iter().enumerate() {
            assert_eq!(serde_json::to_value(input).expect("a word"), input.as_str());
            assert_eq!(input as usize, at);
        }
    }
}
