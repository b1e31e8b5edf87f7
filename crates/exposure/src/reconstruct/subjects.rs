//! Sets of people: most have one, and many are the same.

use std::rc::Rc;

/// Subjects, by number; and whether there may be others whom the logs do not name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Subjects {
    known: Known,
    pub others: bool,
}

/// In order, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Known {
    #[default]
    None,
    One(u32),
    /// One number wide, since most are not this one.
    Many(Rc<Vec<u32>>),
}

impl Subjects {
    pub fn nobody_knows() -> Self {
        Self { known: Known::None, others: true }
    }

    pub fn one(subject: u32) -> Self {
        Self { known: Known::One(subject), others: false }
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
        Self { known, others: false }
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
}

impl Union {
    /// Begins anew.
    pub fn clear(&mut self) {
        self.list.clear();
        self.others = false;
        self.number = self.number.wrapping_add(1);
        if self.number == 0 {
            self.marks.fill(0);
            self.number = 1;
        }
    }

    pub fn add(&mut self, set: &Subjects) {
        self.others |= set.others;
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

    pub fn others(&mut self) {
        self.others = true;
    }

    pub fn take(&mut self) -> Subjects {
        Subjects { others: self.others, ..Subjects::of(&self.list) }
    }
}
