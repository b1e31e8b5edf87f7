//! Sets of people: most have one, and many are the same.

use std::rc::Rc;

/// Subjects, by number; and whether there may be others whom the logs do not name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Subjects {
    pub(super) known: Known,
    pub others: bool,
    /// One of the others may be anybody: nothing else in the logs names them.
    pub strangers: bool,
}

/// In order, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Known {
    #[default]
    None,
    One(u32),
    /// One number wide, since most are not this one.
    Many(Rc<Vec<u32>>),
}

impl Subjects {
    pub fn nobody_knows() -> Self {
        Self { known: Known::None, others: true, strangers: true }
    }

    pub fn one(subject: u32) -> Self {
        Self { known: Known::One(subject), others: false, strangers: false }
    }

    /// These, and no others.
    pub fn of(subjects: &[u32]) -> Self {
        let known = match subjects {
            [] => Known::None,
            [one] => Known::One(*one),
            many => {
                let mut many = many.to_vec();
                many.sort_unstable();
                many.dedup();
                if let [one] = many.as_slice() { Known::One(*one) } else { Known::Many(Rc::new(many)) }
            }
        };
        Self { known, others: false, strangers: false }
    }

    pub fn known(&self) -> &[u32] {
        match &self.known {
            Known::None => &[],
            Known::One(one) => std::slice::from_ref(one),
            Known::Many(many) => many,
        }
    }

    pub fn add(&mut self, other: &Self) {
        self.others |= other.others;
        self.strangers |= other.strangers;
        self.add_known(other);
    }

    /// Those who are known, and not whether there are others.
    pub fn add_known(&mut self, other: &Self) {
        if self.known == Known::None {
            self.known = other.known.clone();
        } else if other.known().iter().any(|one| self.known().binary_search(one).is_err()) {
            let both = [self.known(), other.known()].concat();
            self.known = Self::of(&both).known;
        }
    }
}

/// Joins many sets: each subject is looked at once a set, and none is compared.
#[derive(Default)]
pub(super) struct Union {
    /// By subject: the last union that has it.
    marks: Vec<u32>,
    number: u32,
    list: Vec<u32>,
    others: bool,
    strangers: bool,
}

impl Union {
    /// Begins anew.
    pub fn clear(&mut self) {
        self.list.clear();
        (self.others, self.strangers) = (false, false);
        self.number = self.number.wrapping_add(1);
        if self.number == 0 {
            self.marks.fill(0);
            self.number = 1;
        }
    }

    pub fn add(&mut self, set: &Subjects) {
        self.others |= set.others;
        self.strangers |= set.strangers;
        for subject in set.known() {
            self.one(*subject);
        }
    }

    pub fn one(&mut self, subject: u32) {
        let place = subject as usize;
        if self.marks.len() <= place {
            self.marks.resize(place + 1, 0);
        }
        if self.marks[place] != self.number {
            self.marks[place] = self.number;
            self.list.push(subject);
        }
    }

    /// Somebody of whom nobody knows.
    pub fn strangers(&mut self) {
        (self.others, self.strangers) = (true, true);
    }

    /// As that set, but for its subjects.
    pub fn as_open_as(&mut self, others: bool, strangers: bool) {
        self.others |= others;
        self.strangers |= strangers;
    }

    pub fn take(&mut self) -> Subjects {
        Subjects { others: self.others, strangers: self.strangers, ..Subjects::of(&self.list) }
    }
}
