//! Which ticket of a person inside is good now. A ticket is replaced from time to time; who shows one that was replaced, after its
//! successor was shown, is another browser with a copy.

use std::time::Duration;

/// Number in a ticket for a place inside, drawn by chance.
pub(super) type Nonce = u64;

/// What a shown ticket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// The holder's.
    Good,
    /// The holder's, and so old that nothing goes to the origin with it before it was changed for a new one.
    Change,
    /// A copy.
    Spent,
}

/// How long tickets live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    /// A new one is offered after this.
    pub(super) renew: Duration,
    /// Requests that were under way with the old one, and answers that bring the new one, take at most this long.
    pub(super) overlap: Duration,
}

/// The tickets of one person.
#[derive(Debug, Clone)]
pub(super) struct Binding {
    /// Shown already. None: the person was only just let in.
    current: Option<Nonce>,
    /// Given and not yet shown.
    offered: Option<(Nonce, Duration)>,
    /// Good for a moment more.
    retired: Option<(Nonce, Duration)>,
    /// An offer in whose place another one was made. Two windows of one browser may have asked together.
    void: Option<Nonce>,
    /// Offers since `current` was first shown.
    offers: u8,
    /// When `current` was given.
    since: Duration,
}

/// Who throws so many offers away shows `current` no longer: two browsers with one ticket would share the place for ever.
const MOST_OFFERS: u8 = 2;

impl Binding {
    /// Of somebody who is let in with this ticket.
    pub(super) fn new(offered: Nonce, now: Duration) -> Self {
        Self {
            current: None,
            offered: Some((offered, now)),
            retired: None,
            void: None,
            offers: 0,
            since: now,
        }
    }

    /// Of somebody who was inside before the guard's memory began.
    pub(super) fn restored(current: Nonce, issued: Duration) -> Self {
        Self { current: Some(current), offered: None, retired: None, void: None, offers: 0, since: issued }
    }

    /// Whether the holder has shown a ticket for the place inside.
    pub(super) fn is_bound(&self) -> bool {
        self.current.is_some()
    }

    /// Judges a shown ticket. `started`: tickets from before it were given by a guard whose memory is gone; of those the newest
    /// counts.
    pub(super) fn show(
        &mut self,
        nonce: Nonce,
        issued: Duration,
        now: Duration,
        started: Duration,
        pace: Pace,
    ) -> Shown {
        if self.offered.is_some_and(|(offered, _)| offered == nonce) {
            let retired = self.current.map(|current| (current, now.saturating_add(pace.overlap)));
            *self = Self { retired, ..Self::restored(nonce, issued) };
            return Shown::Good;
        }
        if self.current == Some(nonce) {
            let late = self.offered.is_some_and(|(_, at)| now.saturating_sub(at) >= pace.overlap);
            let ignored = self.offers > MOST_OFFERS || self.offers == MOST_OFFERS && late;
            return if ignored { Shown::Change } else { Shown::Good };
        }
        if self.void == Some(nonce) {
            return Shown::Change;
        }
        if self.retired.is_some_and(|(retired, until)| retired == nonce && now <= until) {
            return Shown::Good;
        }
        if issued < started && self.since < issued {
            *self = Self::restored(nonce, issued);
            return Shown::Good;
        }
        Shown::Spent
    }

    /// Whether it is time to offer the holder a new ticket with an answer.
    pub(super) fn is_due(&self, now: Duration, pace: Pace) -> bool {
        let asked = self.offered.map(|(_, at)| now.saturating_sub(at) < pace.overlap);
        now.saturating_sub(self.since) >= pace.renew && !asked.unwrap_or(false)
    }

    /// Offers one. An earlier offer that was never shown is void: of several browsers one is left.
    pub(super) fn offer(&mut self, nonce: Nonce, now: Duration) {
        if let Some((before, _)) = self.offered.replace((nonce, now)).filter(|(before, _)| *before != nonce) {
            self.void = Some(before);
        }
        self.offers = self.offers.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace { renew: Duration::from_secs(60), overlap: Duration::from_secs(15) };

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn show(binding: &mut Binding, nonce: Nonce, issued: u64, now: u64) -> Shown {
        binding.show(nonce, at(issued), at(now), at(0), PACE)
    }

    #[test]
    fn of_two_browsers_one_is_left() {
        let mut binding = Binding::new(1, at(0));
        assert_eq!(show(&mut binding, 1, 0, 1), Shown::Good);
        assert!(!binding.is_due(at(59), PACE) && binding.is_due(at(60), PACE));
        binding.offer(2, at(60));
        assert!(!binding.is_due(at(70), PACE), "one at a time");
        // The first browser took it; requests that were under way are served.
        assert_eq!(show(&mut binding, 2, 60, 61), Shown::Good);
        assert_eq!(show(&mut binding, 1, 0, 76), Shown::Good);
        assert_eq!(show(&mut binding, 1, 0, 77), Shown::Spent);
        assert_eq!(show(&mut binding, 2, 60, 78), Shown::Good);
    }

    #[test]
    fn an_answer_that_never_came_loses_no_place() {
        let mut binding = Binding::new(1, at(0));
        show(&mut binding, 1, 0, 1);
        binding.offer(2, at(60));
        assert_eq!(show(&mut binding, 1, 0, 100), Shown::Good);
        assert!(binding.is_due(at(100), PACE));
        binding.offer(3, at(100));
        assert_eq!(show(&mut binding, 3, 100, 101), Shown::Good);
        assert_eq!(show(&mut binding, 2, 60, 102), Shown::Spent);
    }

    #[test]
    fn who_throws_new_tickets_away_must_change_the_old_one() {
        let mut binding = Binding::new(1, at(0));
        show(&mut binding, 1, 0, 1);
        assert_eq!(show(&mut binding, 1, 0, 10_000), Shown::Good, "who was away threw nothing away");
        binding.offer(2, at(10_000));
        binding.offer(3, at(10_020));
        assert_eq!(show(&mut binding, 1, 0, 10_034), Shown::Good);
        assert_eq!(show(&mut binding, 1, 0, 10_035), Shown::Change);
        binding.offer(4, at(10_035));
        assert_eq!(show(&mut binding, 1, 0, 10_036), Shown::Change, "at once, too");
        binding.offer(5, at(10_036));
        // Two windows of one browser: the earlier answer is no reason to lose the place before the later one was shown.
        assert_eq!(show(&mut binding, 4, 10_035, 10_037), Shown::Change);
        assert_eq!(show(&mut binding, 5, 10_036, 10_037), Shown::Good);
        assert_eq!(show(&mut binding, 4, 10_035, 10_038), Shown::Spent);
    }

    #[test]
    fn after_a_restart_the_newest_ticket_counts() {
        let mut binding = Binding::restored(1, at(10));
        assert_eq!(binding.show(2, at(70), at(110), at(100), PACE), Shown::Good);
        assert_eq!(binding.show(1, at(10), at(111), at(100), PACE), Shown::Spent);
    }
}
