//! Clinics, their slots, and who has which. In memory: everything is free again after a restart.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use super::pages::Lang;
use crate::cli::example::workers::CLINICS;

const TIMES: [(&str, &str); 4] = [
    ("5月10日 10:00", "10 May 10:00"),
    ("5月10日 14:00", "10 May 14:00"),
    ("5月11日 10:00", "11 May 10:00"),
    ("5月11日 14:00", "11 May 14:00"),
];
/// People that fit into a slot.
const PLACES: usize = 6;

/// A clinic.
#[derive(Clone, Copy)]
pub struct Clinic {
    pub slug: &'static str,
    name: (&'static str, &'static str),
}

/// By which channels a slot can be booked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Open {
    Everybody,
    CallCentre,
    /// It accepts no bookings.
    Nobody,
}

/// A time at a clinic.
pub struct Slot {
    /// Clinic and number, such as `kirigasawa-1`.
    pub id: String,
    pub clinic: Clinic,
    time: (&'static str, &'static str),
    pub open: Open,
}

/// All slots and bookings.
pub struct Slots {
    all: Vec<Slot>,
    /// Who (place in the list of people) has which slot.
    taken: Mutex<HashMap<usize, usize>>,
}

impl Clinic {
    pub fn all() -> impl Iterator<Item = Self> {
        CLINICS.into_iter().map(|(slug, ja, en)| Self { slug, name: (ja, en) })
    }

    pub fn name(self, lang: Lang) -> &'static str {
        lang.of(self.name.0, self.name.1)
    }
}

impl Slot {
    pub fn time(&self, lang: Lang) -> &'static str {
        lang.of(self.time.0, self.time.1)
    }

    pub fn label(&self, lang: Lang) -> String {
        format!("{} {}", self.clinic.name(lang), self.time(lang))
    }
}

impl Open {
    pub fn words(self, lang: Lang) -> &'static str {
        match self {
            Self::Everybody => lang.of("ウェブ・電話窓口", "Web and call centre"),
            Self::CallCentre => lang.of("電話窓口のみ", "Call centre only"),
            Self::Nobody => lang.of("受付なし", "No bookings"),
        }
    }
}

impl Slots {
    pub fn new() -> Self {
        let of_clinic = |(clinic, at): (Clinic, usize)| {
            TIMES.iter().enumerate().map(move |(number, time)| Slot {
                id: format!("{}-{}", clinic.slug, number + 1),
                clinic,
                time: *time,
                open: match (at + number) % 4 {
                    2 => Open::CallCentre,
                    3 => Open::Nobody,
                    _ => Open::Everybody,
                },
            })
        };
        let all = Clinic::all().zip(0..).flat_map(of_clinic).collect();
        Self { all, taken: Mutex::default() }
    }

    /// In their order, each with its free places.
    pub fn all(&self) -> Vec<(&Slot, usize)> {
        let taken = self.taken();
        let free = |at: usize| PLACES - taken.values().filter(|of| **of == at).count();
        self.all.iter().enumerate().map(|(at, slot)| (slot, free(at))).collect()
    }

    pub fn find(&self, id: &str) -> Option<&Slot> {
        self.all.iter().find(|slot| slot.id == id)
    }

    /// Somebody's booking.
    pub fn of(&self, person: usize) -> Option<&Slot> {
        let at = self.taken().get(&person).copied()?;
        self.all.get(at)
    }

    /// Books a slot in place of the one that the person may have had. False when no place is free.
    pub fn book(&self, person: usize, id: &str) -> bool {
        let Some(wanted) = self.all.iter().position(|slot| slot.id == id) else { return false };
        let mut taken = self.taken();
        let others = taken.iter().filter(|(who, at)| **at == wanted && **who != person).count();
        if others >= PLACES {
            return false;
        }
        taken.insert(person, wanted);
        true
    }

    pub fn cancel(&self, person: usize) {
        self.taken().remove(&person);
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<usize, usize>> {
        // Nobody panics while holding it; and if so, a map of numbers is whole.
        self.taken.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
