//! The invented schools and people. Names and addresses are given elsewhere; here are only ids.
//!
//! How many people do what on that day is fixed, and the two lists of the founding report follow from it:
//!
//! | habit | applicants (schools) | admins (schools) | generous list | revised list |
//! |---|---|---|---|---|
//! | logs in inside the window | 280 (58) | 46 (40) | yes | yes |
//! | logs in only shortly before or after it, or fails to | 12 (+2) | 20 (+20) | yes | no |
//! | logged in long before, browses inside it | 11 (+1) | 2 (+1) | no | yes |
//! | other times of the day | 120 | 14 | no | no |
//! | **sum** | | | 292 (60), 66 (60) | 291 (59), 48 (41) |

use serde::{Deserialize, Serialize};

use super::random::Random;

/// A school that takes applications: a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct School {
    /// `school-001` and so on.
    pub id: String,
}

/// An applicant or an admin of a school.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// `ap-00001` for applicants, `ad-001` for admins.
    pub id: String,
    /// `applicant` or `school_admin`.
    pub kind: String,
    /// The schools; a few applicants apply to two.
    pub tenants: Vec<String>,
}

/// Everybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Population {
    /// 72 schools.
    pub schools: Vec<School>,
    /// Applicants and admins.
    pub people: Vec<Person>,
}

/// When a person uses the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Habit {
    /// Logs in inside the window.
    InWindow,
    /// Logs in and leaves in the half hour before it.
    JustBefore,
    /// Logs in in the half hour after it.
    JustAfter,
    /// Only fails to log in.
    FailedOnly,
    /// Logged in in the early morning and kept the browser open.
    OpenSinceMorning,
    /// Came early and left, or came in the evening.
    OtherTimes,
}

/// A person with the part played in the day.
#[derive(Debug, Clone)]
pub(super) struct Actor {
    pub(super) admin: bool,
    pub(super) habit: Habit,
    /// Indices of schools.
    pub(super) schools: Vec<usize>,
    /// Index of the person in the population.
    pub(super) person: usize,
}

pub(super) const SCHOOLS: usize = 72;
const TWO_SCHOOLS: usize = 6;

pub(super) fn populate(random: &mut Random) -> (Population, Vec<Actor>) {
    let mut actors = applicants(random);
    actors.extend(admins(random));
    // Mixed, so that an id tells nothing about the part played.
    random.shuffle(&mut actors);
    let schools: Vec<School> =
        (1..=SCHOOLS).map(|number| School { id: format!("school-{number:03}") }).collect();
    let (mut applicant, mut admin) = (0, 0);
    let mut people = Vec::with_capacity(actors.len());
    for (index, actor) in actors.iter_mut().enumerate() {
        actor.person = index;
        let (id, kind) = if actor.admin {
            admin += 1;
            (format!("ad-{admin:03}"), "school_admin")
        } else {
            applicant += 1;
            (format!("ap-{applicant:05}"), "applicant")
        };
        let tenants = actor.schools.iter().map(|&school| schools[school].id.clone()).collect();
        people.push(Person { id, kind: kind.to_owned(), tenants });
    }
    (Population { schools, people }, actors)
}

fn actor(admin: bool, habit: Habit, school: usize) -> Actor {
    Actor { admin, habit, schools: vec![school], person: 0 }
}

fn mixed_schools(random: &mut Random) -> Vec<usize> {
    let mut schools: Vec<usize> = (0..SCHOOLS).collect();
    random.shuffle(&mut schools);
    schools
}

fn applicants(random: &mut Random) -> Vec<Actor> {
    let schools = mixed_schools(random);
    let (common, rest) = schools.split_at(58);
    let mut actors = Vec::new();
    for number in 0..280 {
        // Each of the 58 schools at least once, then large schools more often than small ones.
        let school = match common.get(number) {
            Some(school) => *school,
            None => common[random.below(58).min(random.below(58))],
        };
        let mut applicant = actor(false, Habit::InWindow, school);
        if number >= 280 - TWO_SCHOOLS {
            let others: Vec<usize> = common.iter().copied().filter(|other| *other != school).collect();
            applicant.schools.push(random.pick(&others));
        }
        actors.push(applicant);
    }
    let only_generous = [Habit::JustBefore, Habit::JustAfter, Habit::FailedOnly];
    for number in 0..12 {
        let school = if number < 2 { rest[number] } else { random.pick(common) };
        actors.push(actor(false, only_generous[number % 3], school));
    }
    for number in 0..11 {
        let school = if number == 0 { rest[2] } else { random.pick(common) };
        actors.push(actor(false, Habit::OpenSinceMorning, school));
    }
    for _ in 0..120 {
        actors.push(actor(false, Habit::OtherTimes, random.pick(&schools)));
    }
    actors
}

fn admins(random: &mut Random) -> Vec<Actor> {
    let schools = mixed_schools(random);
    let (common, rest) = schools.split_at(40);
    let mut actors = Vec::new();
    for number in 0..46 {
        // 40 schools, six of them with a second admin.
        actors.push(actor(true, Habit::InWindow, common[number % 40]));
    }
    let only_generous = [Habit::JustBefore, Habit::FailedOnly, Habit::JustAfter];
    for number in 0..20 {
        actors.push(actor(true, only_generous[number % 3], rest[number]));
    }
    actors.push(actor(true, Habit::OpenSinceMorning, rest[20]));
    actors.push(actor(true, Habit::OpenSinceMorning, random.pick(common)));
    for _ in 0..14 {
        actors.push(actor(true, Habit::OtherTimes, random.pick(&schools)));
    }
    actors
}
