use exposure::simulate::{LabSettings, lab};
use exposure::*;
fn main() {
    let seeds: u64 = std::env::args().nth(1).map_or(5, |n| n.parse().unwrap());
    println!("ttl tiers loss ids cookies | exposed | C (wrong) P I S X (wrong) unseen");
    for (ttl, tiers) in [(1_000, 1), (1_000, 2), (60_000, 1), (60_000, 2), (3_600_000, 2)] {
        for (ids, cookies, loss) in [(true, true, 0), (true, false, 0), (false, true, 0), (false, false, 0), (true, true, 10)] {
            let s = LabSettings { people: 339, seconds: 16_860, requests_each: 10, locations: 9, tiers, time_to_live_milliseconds: ttl, ids_at_origin: ids, sessions_at_edge: cookies, edge_loss: loss, ..LabSettings::default() };
            let mut t = [0u64; 8];
            let mut unseen = 0;
            for seed in 0..seeds {
                let lab = lab(seed, &s);
                let q = WindowQuery { from: lab.from, to: lab.to, margin_before_seconds: 0, margin_after_seconds: 0, basis: Basis::LoginsAndPersonalRequests, include_failed_logins: false, personal_routes: vec!["/mypage".into(), "/mypage/*".into()], session_cookie: Some("session".into()), limits: Limits::default() };
                let facts = CacheFacts { time_to_live_seconds: ttl / 1000, tiers, single_copy: true, ..CacheFacts::default() };
                let mut scan = Scan::new(q).unwrap();
                scan.read("edge", lab.edge_log.as_bytes());
                scan.read("origin", lab.origin_log.as_bytes());
                let (_, found) = scan.reconstruct(&facts).unwrap();
                t[0] += lab.exposed.len() as u64;
                unseen += found.residual.expected_unseen_thousandths.unwrap_or(0);
                for p in &found.people {
                    let e = u64::from(lab.exposed.contains(&p.person));
                    match p.exposure {
                        Exposure::Confirmed => { t[1] += 1; t[2] += 1 - e }
                        Exposure::Possible => t[3] += 1,
                        Exposure::Indeterminate => t[4] += 1,
                        Exposure::SelfOnly => { t[5] += 1; t[7] += e }
                        Exposure::Excluded => { t[6] += 1; t[7] += e }
                    }
                }
            }
            let f = |n: u64| n as f64 / seeds as f64;
            println!("{ttl} {tiers} {loss} {ids} {cookies} | {:.1} | {:.1} ({:.1}) {:.1} {:.1} {:.1} {:.1} ({:.1}) {:.2}", f(t[0]), f(t[1]), f(t[2]), f(t[3]), f(t[4]), f(t[5]), f(t[6]), f(t[7]), f(unseen) / 1000.0);
        }
    }
}
