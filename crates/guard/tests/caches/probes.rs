//! Two people and a stranger in front of a cache: what does each of them get to see?

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{Request, header};

use crate::stand::{Client, client, full, in_time, whole_body};
use crate::system::{HANAKO, NOBODY, Person, TARO, WORDS, Word};

/// How often a probe is made that finds nothing: a cache with a second's memory may have forgotten meanwhile.
const ROUNDS: usize = 3;

/// A way to get at somebody else's page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Page,
    Anonymous,
    Bearer,
    Together,
    File,
    Query,
    Method,
    Cookie,
    Stale,
}

impl Kind {
    pub const ALL: [(Self, &str); 9] = [
        (Self::Page, "P"),
        (Self::Anonymous, "A"),
        (Self::Bearer, "B"),
        (Self::Together, "T"),
        (Self::File, "F"),
        (Self::Query, "Q"),
        (Self::Method, "M"),
        (Self::Cookie, "C"),
        (Self::Stale, "S"),
    ];
}

/// What came of a probe; the worst counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Everybody got what is theirs.
    Right,
    /// Somebody got no page.
    Refused,
    /// Somebody got another person's page or session.
    Leak,
}

/// By kind and the system's word.
pub type Measured = BTreeMap<(Kind, &'static str), Outcome>;

/// What somebody got.
pub struct Seen {
    status: u16,
    pub body: String,
    cookies: Vec<String>,
}

impl Seen {
    /// What everybody may have.
    pub fn is_asset(&self) -> bool {
        self.status == 200 && self.body.starts_with("asset ")
    }

    fn by(&self, viewer: Option<&Person>) -> Outcome {
        let stranger = [&TARO, &HANAKO].into_iter().find(|person| self.body.contains(person.name));
        match (viewer, stranger) {
            (Some(viewer), Some(person)) if viewer.name == person.name => Outcome::Right,
            (_, Some(_)) => Outcome::Leak,
            (None, None) if self.body.contains(NOBODY) => Outcome::Right,
            // Taken for somebody who is not signed in, which would hide what a probe looks for.
            _ => Outcome::Refused,
        }
    }

    fn hands_over(&self, victim: &Person) -> bool {
        self.cookies.iter().any(|cookie| cookie.contains(victim.session))
    }
}

/// How somebody shows who they are.
#[derive(Clone, Copy)]
enum Carrier {
    Cookie,
    Bearer,
    Query,
}

/// People in front of one cache.
pub struct Visitors {
    pub address: SocketAddr,
    /// What they stand in front of, for whoever reads that something failed.
    of: String,
    client: Client,
    /// Whether browsers got the cookie by which an edge knows them.
    tags: bool,
    number: AtomicUsize,
}

impl Visitors {
    pub fn new(address: SocketAddr, tags: bool, of: String) -> Self {
        Self { address, of, client: client(false), tags, number: AtomicUsize::new(0) }
    }

    /// One that was not asked for before.
    fn fresh(&self, area: &str, word: Word, what: &str) -> String {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        format!("/{area}/{}/{what}/{number}", word.path)
    }

    async fn ask(
        &self,
        method: &str,
        target: &str,
        body: &'static str,
        carrier: Option<(Carrier, &Person)>,
    ) -> Seen {
        let seen = self.try_to_ask(method, target, body, carrier).await;
        seen.unwrap_or_else(|error| panic!("{}: {method} {target}: {error:?}", self.of))
    }

    async fn try_to_ask(
        &self,
        method: &str,
        target: &str,
        body: &'static str,
        carrier: Option<(Carrier, &Person)>,
    ) -> Result<Seen, hyper_util::client::legacy::Error> {
        let mut uri = format!("http://{}{target}", self.address);
        let mut request = Request::builder().method(method);
        let cookies = |person: &Person| if self.tags { person.viewer() } else { String::new() };
        let cookies = match carrier {
            Some((Carrier::Cookie, person)) => format!("sid={}{}", person.session, cookies(person)),
            Some((Carrier::Query, person)) => {
                uri = format!("{uri}?session={}", person.session);
                cookies(person)
            }
            // A program keeps no cookies.
            Some((Carrier::Bearer, person)) => {
                request = request.header(header::AUTHORIZATION, format!("Bearer {}", person.session));
                String::new()
            }
            None => String::new(),
        };
        if !cookies.is_empty() {
            request = request.header(header::COOKIE, cookies.trim_start_matches("; "));
        }
        let request = request.uri(uri).body(full(body)).unwrap();
        let Some(answer) = in_time(self.client.request(request)).await else {
            panic!("{}: {method} {target}: no answer", self.of);
        };
        let answer = answer?;
        let (parts, body) = answer.into_parts();
        let cookies = parts.headers.get_all(header::SET_COOKIE).iter();
        let cookies = cookies.filter_map(|cookie| cookie.to_str().ok()).map(str::to_owned).collect();
        let (body, _) = whole_body(body).await;
        Ok(Seen { status: parts.status.as_u16(), body: String::from_utf8_lossy(&body).into_owned(), cookies })
    }

    pub async fn get(&self, target: &str) -> Seen {
        self.ask("GET", target, "", None).await
    }

    /// From a cache that may not be there yet.
    pub async fn try_to_get(&self, target: &str) -> Result<Seen, hyper_util::client::legacy::Error> {
        self.try_to_ask("GET", target, "", None).await
    }

    /// One person's page, then the other's and perhaps a stranger's at the same address.
    async fn in_turn(
        &self,
        method: &str,
        target: &str,
        carrier: Carrier,
        next: &[Option<&Person>],
    ) -> Outcome {
        let body = if method == "POST" { "what is asked for" } else { "" };
        let first = self.ask(method, target, body, Some((carrier, &TARO))).await;
        let mut worst = first.by(Some(&TARO));
        for viewer in next {
            let seen = self.ask(method, target, body, viewer.map(|person| (carrier, person))).await;
            worst = worst.max(seen.by(*viewer));
        }
        worst
    }

    async fn together(&self, target: &str) -> Outcome {
        let (first, second) = tokio::join!(
            self.ask("GET", target, "", Some((Carrier::Cookie, &TARO))),
            self.ask("GET", target, "", Some((Carrier::Cookie, &HANAKO))),
        );
        first.by(Some(&TARO)).max(second.by(Some(&HANAKO)))
    }

    /// Whether one person's session comes to another: with a page that renews it, or with signing in.
    async fn cookie(&self, word: Word) -> Outcome {
        let page = self.fresh("mypage", word, "renewal");
        let mut got = Vec::new();
        for person in [&TARO, &HANAKO] {
            got.push(self.ask("GET", &page, "", Some((Carrier::Cookie, person))).await);
        }
        let login = self.fresh("login", word, "form");
        for person in [&TARO, &HANAKO] {
            got.push(self.ask("POST", &login, person.session, None).await);
        }
        let right = got.iter().zip([&TARO, &HANAKO].into_iter().cycle());
        if right.clone().any(|(seen, person)| person.name == HANAKO.name && seen.hands_over(&TARO)) {
            return Outcome::Leak;
        }
        // A page without the cookie that belongs to it keeps nobody signed in.
        if right.into_iter().all(|(seen, person)| seen.hands_over(person)) {
            Outcome::Right
        } else {
            Outcome::Refused
        }
    }

    async fn probe(&self, kind: Kind, word: Word) -> Outcome {
        let page = |what| self.fresh("mypage", word, what);
        let hanako = Some(&HANAKO);
        match kind {
            Kind::Page => self.in_turn("GET", &page("page"), Carrier::Cookie, &[hanako]).await,
            Kind::Anonymous => self.in_turn("GET", &page("page"), Carrier::Cookie, &[None]).await,
            Kind::Bearer => {
                let target = self.fresh("api", word, "me");
                self.in_turn("GET", &target, Carrier::Bearer, &[hanako]).await
            }
            Kind::Together => self.together(&page("together")).await,
            Kind::File => {
                let target = format!("{}/x.css", page("file"));
                self.in_turn("GET", &target, Carrier::Cookie, &[hanako, None]).await
            }
            Kind::Query => self.in_turn("GET", &page("ticket"), Carrier::Query, &[hanako]).await,
            Kind::Method => {
                let target = self.fresh("api", word, "search");
                self.in_turn("POST", &target, Carrier::Cookie, &[hanako]).await
            }
            Kind::Cookie => self.cookie(word).await,
            Kind::Stale => unreachable!("the system has to break down between the two"),
        }
    }

    /// All that can be measured while the system runs.
    pub async fn measure(&self) -> Measured {
        let of_word = async |word: Word| {
            let mut measured = Measured::new();
            for (kind, _) in Kind::ALL.into_iter().filter(|(kind, _)| *kind != Kind::Stale) {
                let mut worst = Outcome::Right;
                for _ in 0..ROUNDS {
                    worst = worst.max(self.probe(kind, word).await);
                    if worst == Outcome::Leak {
                        break;
                    }
                }
                measured.insert((kind, word.path), worst);
            }
            measured
        };
        let [a, b, c, d, e, f, g] = WORDS.map(of_word);
        let (a, b, c, d, e, f, g) = tokio::join!(a, b, c, d, e, f, g);
        [a, b, c, d, e, f, g].into_iter().flatten().collect()
    }

    /// Pages that a cache has seen before the system breaks down.
    pub async fn prime(&self) -> Vec<(Word, String)> {
        let mut targets = Vec::new();
        for word in WORDS {
            let target = self.fresh("mypage", word, "stale");
            self.ask("GET", &target, "", Some((Carrier::Cookie, &TARO))).await;
            targets.push((word, target));
        }
        targets
    }

    /// What the other person gets of them afterwards.
    pub async fn after(&self, targets: &[(Word, String)]) -> Measured {
        let mut measured = Measured::new();
        for (word, target) in targets {
            let mut worst = Outcome::Right;
            // A cache may find out by the first that its connection to the system is dead.
            for _ in 0..3 {
                let seen = self.try_to_ask("GET", target, "", Some((Carrier::Cookie, &HANAKO))).await;
                if seen.is_ok_and(|seen| seen.by(Some(&HANAKO)) == Outcome::Leak) {
                    worst = Outcome::Leak;
                }
            }
            measured.insert((Kind::Stale, word.path), worst);
        }
        measured
    }
}
