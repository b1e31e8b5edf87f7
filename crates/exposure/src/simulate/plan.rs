//! Who does what at which moment: the requests that browsers send on that day, before any cache answers them.

use super::population::{Actor, Habit};
use super::random::Random;

/// Milliseconds since midnight of 2023-10-26 in Japan.
pub(super) type Moment = i64;

pub(super) const fn at(hour: i64, minute: i64, second: i64) -> Moment {
    ((hour * 60 + minute) * 60 + second) * 1000
}

/// The cache is switched on.
pub(super) const CACHE_ON: Moment = at(11, 0, 0);
/// The cache is switched off.
pub(super) const CACHE_OFF: Moment = at(15, 41, 0);

/// What the origin answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// A page about the person.
    Personal,
    /// A page or file for everybody.
    Public,
    /// The login succeeded: a redirect to the person's page.
    LoggedIn,
    /// The login failed: the form again.
    LoginFailed,
}

/// A request as the browser sends it.
#[derive(Debug, Clone)]
pub(super) struct Planned {
    pub(super) at: Moment,
    /// Index into the browsers.
    pub(super) browser: usize,
    /// Index of the school; `None` on public pages.
    pub(super) school: Option<usize>,
    pub(super) session: Option<String>,
    pub(super) post: bool,
    pub(super) path: &'static str,
    pub(super) answer: Answer,
}

/// Where a request comes from.
#[derive(Debug, Clone)]
pub(super) struct Browser {
    /// Index of the person; `None` for visitors of public pages.
    pub(super) person: Option<usize>,
    pub(super) place: &'static str,
    pub(super) address: String,
    pub(super) agent: &'static str,
}

/// What somebody will report, as planned; whether it came true is seen in the simulated cache.
#[derive(Debug, Clone)]
pub(super) struct PlannedComplaint {
    pub(super) reported: Moment,
    pub(super) browser: usize,
    pub(super) seen: Vec<Moment>,
}

#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) requests: Vec<Planned>,
    pub(super) browsers: Vec<Browser>,
    pub(super) complaints: Vec<PlannedComplaint>,
}

/// Edge locations near Japanese users, the busy ones several times.
const PLACES: [&str; 22] = [
    "NRT57-P1", "NRT57-P1", "NRT57-P2", "NRT57-P2", "NRT57-P3", "NRT57-P4", "NRT12-P1", "NRT12-P2",
    "NRT12-P3", "NRT20-P2", "NRT20-P4", "NRT51-P1", "NRT51-P2", "NRT8-P1", "NRT8-P2", "KIX50-P1", "KIX50-P2",
    "KIX56-P1", "KIX56-P2", "KIX82-P1", "ICN57-P1", "FUK50-P1",
];

const AGENTS: [&str; 5] = [
    "Mozilla/5.0%20(Windows%20NT%2010.0;%20Win64;%20x64)%20AppleWebKit/537.36%20(KHTML,%20like%20Gecko)%20Chrome/118.0.0.0%20Safari/537.36",
    "Mozilla/5.0%20(iPhone;%20CPU%20iPhone%20OS%2017_0%20like%20Mac%20OS%20X)%20AppleWebKit/605.1.15%20(KHTML,%20like%20Gecko)%20Version/17.0%20Mobile/15E148%20Safari/604.1",
    "Mozilla/5.0%20(Macintosh;%20Intel%20Mac%20OS%20X%2010_15_7)%20AppleWebKit/605.1.15%20(KHTML,%20like%20Gecko)%20Version/17.0%20Safari/605.1.15",
    "Mozilla/5.0%20(Linux;%20Android%2013)%20AppleWebKit/537.36%20(KHTML,%20like%20Gecko)%20Chrome/118.0.0.0%20Mobile%20Safari/537.36",
    "Mozilla/5.0%20(Windows%20NT%2010.0;%20Win64;%20x64;%20rv:118.0)%20Gecko/20100101%20Firefox/118.0",
];

pub(super) const fn pages(admin: bool) -> [&'static str; 2] {
    if admin { ["/admin", "/admin/applicants"] } else { ["/mypage", "/mypage/application"] }
}

/// Plans the day of everybody.
pub(super) fn plan(random: &mut Random, actors: &[Actor]) -> Plan {
    let mut plan = Plan::default();
    let cast = Cast::choose(actors);
    for (index, actor) in actors.iter().enumerate() {
        let browser = plan.browser(random, Some(actor.person));
        debug_assert_eq!(browser, index);
        if !cast.has(index) {
            plan.day_of(random, browser, actor);
        }
    }
    cast.play(&mut plan, random, actors);
    plan.visitors(random);
    // Stable, and moments of one browser differ: the order is the same for the same seed.
    plan.requests.sort_by_key(|request| (request.at, request.browser));
    plan
}

/// A login that leads to some pages.
struct Visit {
    login: Moment,
    pages: i64,
    /// No request at or after this moment.
    until: Moment,
}

impl Plan {
    fn browser(&mut self, random: &mut Random, person: Option<usize>) -> usize {
        // Addresses from the ranges reserved for documentation (RFC 5737, RFC 3849).
        let address = match random.below(4) {
            0 => format!("192.0.2.{}", random.between(1, 255)),
            1 => format!("198.51.100.{}", random.between(1, 255)),
            2 => format!("203.0.113.{}", random.between(1, 255)),
            _ => format!("2001:db8:{:x}::{:x}", random.between(1, 65_536), random.between(1, 65_536)),
        };
        self.browsers.push(Browser {
            person,
            place: random.pick(&PLACES),
            address,
            agent: random.pick(&AGENTS),
        });
        self.browsers.len() - 1
    }

    fn request(&mut self, at: Moment, browser: usize, path: &'static str) {
        let (school, session) = (None, None);
        self.requests.push(Planned {
            at,
            browser,
            school,
            session,
            post: false,
            path,
            answer: Answer::Public,
        });
    }

    fn personal(&mut self, at: Moment, browser: usize, school: usize, session: &str, path: &'static str) {
        let session = Some(session.to_owned());
        let answer = Answer::Personal;
        self.requests.push(Planned { at, browser, school: Some(school), session, post: false, path, answer });
    }

    /// The form, the form sent, and what comes back. Returns the session.
    fn log_in(
        &mut self,
        random: &mut Random,
        login: Moment,
        browser: usize,
        school: usize,
        works: bool,
    ) -> String {
        let session = random.hex(32);
        self.request(login - random.between(4_000, 20_000), browser, "/login");
        for asset in ["/assets/app.css", "/assets/app.js", "/assets/logo.svg"] {
            self.request(login - random.between(3_000, 3_900), browser, asset);
        }
        let answer = if works { Answer::LoggedIn } else { Answer::LoginFailed };
        self.requests.push(Planned {
            at: login,
            browser,
            school: Some(school),
            session: works.then(|| session.clone()),
            post: true,
            path: "/login",
            answer,
        });
        session
    }

    fn visit(&mut self, random: &mut Random, browser: usize, admin: bool, school: usize, visit: &Visit) {
        let session = self.log_in(random, visit.login, browser, school, true);
        let mut moment = visit.login + random.between(350, 900);
        for number in 0..visit.pages {
            if moment >= visit.until {
                return;
            }
            let page = pages(admin)[usize::from(number > 0 && random.percent(50))];
            self.personal(moment, browser, school, &session, page);
            if random.percent(15) {
                self.request(moment + random.between(100, 400), browser, "/assets/app.js");
            }
            // Some reload at once, most read; a few go away and come back.
            moment += match random.below(20) {
                0 => random.between(1_500, 3_000),
                1 => random.between(300_000, 1_500_000),
                _ => 4_000 + random.waiting(45_000),
            };
        }
    }

    fn failed(&mut self, random: &mut Random, browser: usize, school: usize, first: Moment) {
        let mut moment = first;
        for _ in 0..random.between(1, 4) {
            self.log_in(random, moment, browser, school, false);
            moment += random.between(25_000, 60_000);
        }
    }

    fn day_of(&mut self, random: &mut Random, browser: usize, actor: &Actor) {
        let (admin, school) = (actor.admin, actor.schools[0]);
        // Half a minute is left free on each side of the window's ends, so that the clocks do not decide.
        match actor.habit {
            Habit::InWindow => {
                for school in &actor.schools {
                    let login = random.between(at(11, 1, 0), at(15, 38, 0));
                    if random.percent(8) {
                        self.failed(random, browser, *school, (login - 240_000).max(at(11, 0, 40)));
                    }
                    let pages = random.between(6, 15);
                    self.visit(random, browser, admin, *school, &Visit { login, pages, until: at(18, 0, 0) });
                }
            }
            Habit::JustBefore => {
                let login = random.between(at(10, 31, 0), at(10, 53, 0));
                let visit = Visit { login, pages: random.between(2, 8), until: at(10, 59, 30) };
                self.visit(random, browser, admin, school, &visit);
            }
            Habit::JustAfter => {
                let login = random.between(at(15, 42, 0), at(16, 9, 0));
                let visit = Visit { login, pages: random.between(2, 8), until: at(18, 0, 0) };
                self.visit(random, browser, admin, school, &visit);
            }
            Habit::FailedOnly => {
                let first = random.between(at(10, 31, 0), at(16, 5, 0));
                self.failed(random, browser, school, first);
            }
            Habit::OpenSinceMorning => self.open_since_morning(random, browser, admin, school),
            Habit::OtherTimes => {
                let (login, until) = if random.percent(50) {
                    (random.between(at(7, 30, 0), at(10, 5, 0)), at(10, 20, 0))
                } else {
                    (random.between(at(16, 20, 0), at(21, 30, 0)), at(23, 0, 0))
                };
                let visit = Visit { login, pages: random.between(2, 12), until };
                self.visit(random, browser, admin, school, &visit);
            }
        }
    }

    /// Logged in at 09:40 or so, never again, and back at the open page while the cache was on: nobody finds these
    /// people in the login log of the window.
    fn open_since_morning(&mut self, random: &mut Random, browser: usize, admin: bool, school: usize) {
        let login = at(9, 40, 0) + random.between(-1_800_000, 1_800_000);
        let session = self.log_in(random, login, browser, school, true);
        let mut moment = login + random.between(350, 900);
        for _ in 0..random.between(2, 5) {
            self.personal(moment, browser, school, &session, pages(admin)[0]);
            moment += random.between(5_000, 90_000);
        }
        for _ in 0..random.between(2, 4) {
            moment = random.between(at(11, 1, 0), at(15, 30, 0));
            for _ in 0..random.between(2, 5) {
                self.personal(moment, browser, school, &session, pages(admin)[random.below(2)]);
                moment += random.between(5_000, 90_000);
            }
        }
    }

    /// People who read the public pages, all day and a little at night, so that no hour is without a line.
    fn visitors(&mut self, random: &mut Random) {
        for _ in 0..900 {
            let browser = self.browser(random, None);
            let mut moment = if random.percent(15) {
                random.between(at(0, 0, 5), at(23, 58, 0))
            } else {
                random.between(at(8, 0, 0), at(21, 0, 0))
            };
            for page in 0..random.between(1, 5) {
                self.request(moment, browser, if page == 0 { "/" } else { "/schools" });
                for asset in ["/assets/app.css", "/assets/app.js", "/assets/logo.svg"] {
                    if random.percent(if page == 0 { 90 } else { 15 }) {
                        self.request(moment + random.between(60, 500), browser, asset);
                    }
                }
                moment = (moment + random.between(5_000, 60_000)).min(at(23, 59, 50));
            }
        }
        for hour in 0..24 {
            let browser = self.browser(random, None);
            self.request(at(hour, random.between(0, 60), random.between(0, 59)), browser, "/");
        }
    }
}

/// The people of the four complaints: two pairs of applicants and admins, and an applicant who met two others.
struct Cast {
    applicants: Vec<usize>,
    admins: Vec<usize>,
}

impl Cast {
    /// Any people of one school each who log in inside the window; the admins from four schools.
    fn choose(actors: &[Actor]) -> Self {
        let of = |admin: bool, count: usize| {
            let mut chosen: Vec<usize> = Vec::new();
            for (index, actor) in actors.iter().enumerate() {
                let fits = actor.admin == admin && actor.habit == Habit::InWindow && actor.schools.len() == 1;
                if fits && chosen.len() < count && !chosen.iter().any(|&o| actors[o].schools == actor.schools)
                {
                    chosen.push(index);
                }
            }
            chosen
        };
        Self { applicants: of(false, 5), admins: of(true, 4) }
    }

    fn has(&self, index: usize) -> bool {
        self.applicants.contains(&index) || self.admins.contains(&index)
    }

    fn play(&self, plan: &mut Plan, random: &mut Random, actors: &[Actor]) {
        // (one who loads the page, one who loads it next, when, when it is reported)
        let scenes = [
            (self.applicants[0], self.applicants[1], at(13, 9, 41), at(13, 15, 0)),
            (self.admins[0], self.admins[1], at(15, 9, 12), at(15, 15, 0)),
            (self.admins[2], self.admins[3], at(15, 11, 47), at(15, 15, 0)),
            (self.applicants[2], self.applicants[3], at(15, 8, 30), at(15, 15, 0)),
            (self.applicants[4], self.applicants[3], at(15, 10, 5), at(15, 15, 0)),
        ];
        let mut sessions: Vec<(usize, String)> = Vec::new();
        for (owner, viewer, moment, reported) in scenes {
            let moment = moment + random.between(0, 15_000);
            let place = plan.browsers[viewer].place;
            plan.browsers[owner].place = place;
            for (browser, moment) in [(owner, moment), (viewer, moment + random.between(550, 850))] {
                let actor = &actors[browser];
                let known = sessions.iter().find(|(known, _)| *known == browser).map(|(_, s)| s.clone());
                let session = known.unwrap_or_else(|| {
                    let login = moment - random.between(180_000, 420_000);
                    let session = plan.log_in(random, login, browser, actor.schools[0], true);
                    let home = login + random.between(350, 900);
                    plan.personal(home, browser, actor.schools[0], &session, pages(actor.admin)[0]);
                    sessions.push((browser, session.clone()));
                    session
                });
                plan.personal(moment, browser, actor.schools[0], &session, pages(actor.admin)[0]);
                if browser == viewer {
                    match plan.complaints.iter_mut().find(|complaint| complaint.browser == viewer) {
                        Some(complaint) => complaint.seen.push(moment),
                        None => plan.complaints.push(PlannedComplaint {
                            reported,
                            browser: viewer,
                            seen: vec![moment],
                        }),
                    }
                }
            }
        }
    }
}
