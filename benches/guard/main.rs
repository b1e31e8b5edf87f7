//! `suimon guard` beside nginx and HAProxy as plain reverse proxies, before the same origin, in turns: `script/bench guard`, which
//! installs them and wrk. Each proxy has one processor to itself and one thread for its work; origin and clients share the others.
//!
//! Requests a second when a proxy has all that it bears (wrk); what it adds to the 99th percentile at half of what the guard bore
//! (clients that keep to a rate, `paced`); memory with idle connections. The guard thrice: with caching rules alone, with pages
//! rewritten (`--tripwire enforce`), and with sessions known.
//!
//! `SECONDS` (4, of each measurement), `TURNS` (3), `CLIENTS` (64), `IDLE` (10,000 connections): about three and a half minutes.

#![expect(clippy::print_stdout, reason = "a bench tells its figures")]

mod client;
mod idle;
mod paced;
mod proxies;

use std::process::Command;

use client::Asked;
use proxies::{Kind, Machine, Proxy};

/// A number from the environment.
fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// How long and how often.
struct Plan {
    seconds: usize,
    turns: usize,
    clients: usize,
    idle: usize,
}

fn main() {
    let Some(machine) = Machine::found() else {
        println!(
            "run it by `script/bench guard`, which installs nginx, HAProxy and wrk; it wants two processors"
        );
        return;
    };
    let plan = Plan {
        seconds: setting("SECONDS", 4).max(1),
        turns: setting("TURNS", 3).max(1),
        clients: setting("CLIENTS", 64).max(1),
        idle: setting("IDLE", 10_000),
    };
    machine.pin_this();
    let folder = tempfile::tempdir().expect("a folder");
    let origin = machine.origin(folder.path());
    let start = |kind| machine.proxy(kind, &origin, folder.path());
    println!("{machine}; {} turns of {} s, {} clients", plan.turns, plan.seconds, plan.clients);
    {
        let proxies = Kind::ALL.map(start);
        let asked = proxies.each_ref().map(Asked::of);
        let rates = saturated(&machine, &plan, &asked);
        tell_rates(&rates);
        let medians = rates.map(median);
        tell_added(&plan, &asked, &medians);
    }
    tell_memory(&plan, start);
}

/// Requests a second of each kind in each turn.
fn saturated(
    machine: &Machine,
    plan: &Plan,
    asked: &[Asked; Kind::ALL.len()],
) -> [Vec<f64>; Kind::ALL.len()] {
    let mut rates = Kind::ALL.map(|_| Vec::new());
    for _ in 0..plan.turns {
        for (asked, rates) in asked.iter().zip(&mut rates) {
            let (clients, seconds) = (plan.clients.to_string(), plan.seconds.to_string());
            let mut wrk = Command::new(&machine.wrk);
            wrk.args([
                "-t",
                "1",
                "-c",
                &clients,
                "-d",
                &seconds,
                "-H",
                &format!("Cookie: {}", asked.cookies),
            ]);
            let ran = wrk.arg(asked.url()).output().expect("wrk");
            let said = String::from_utf8_lossy(&ran.stdout).into_owned();
            let wrong = said.contains("Non-2xx") || said.contains("Socket errors");
            let rate = said.lines().find_map(|line| line.strip_prefix("Requests/sec:"));
            match rate.and_then(|rate| rate.trim().parse().ok()) {
                Some(rate) if !wrong => rates.push(rate),
                _ => panic!("{}: {said}{}", asked.kind.name(), String::from_utf8_lossy(&ran.stderr)),
            }
        }
    }
    rates
}

fn tell_rates(rates: &[Vec<f64>; Kind::ALL.len()]) {
    let heads = ["median", "least", "most", "to nginx", "to HAProxy"];
    tell_head("requests a second, with all it bears", &heads);
    let ratio = |one: &[f64], other: Kind| {
        median(one.iter().zip(&rates[other as usize]).map(|(one, other)| one / other).collect())
    };
    for (kind, of_one) in Kind::ALL.into_iter().zip(rates) {
        let (least, most) =
            of_one.iter().fold((f64::MAX, 0.0_f64), |(least, most), one| (least.min(*one), most.max(*one)));
        let (nginx, haproxy) = (ratio(of_one, Kind::Nginx), ratio(of_one, Kind::HaProxy));
        let name = kind.name();
        let middle = median(of_one.clone());
        println!("{name:<38}{middle:>12.0}{least:>12.0}{most:>12.0}{nginx:>12.2}{haproxy:>12.2}");
    }
    let direct = median(rates[Kind::Direct as usize].clone());
    let fastest = rates.iter().skip(1).map(|of_one| median(of_one.clone())).fold(0.0, f64::max);
    if direct < 1.5 * fastest {
        println!(
            "origin and clients bear only {:.2} times what the fastest proxy does: they slow it, too",
            direct / fastest
        );
    }
}

/// What each adds to the 99th percentile: the guards at half of what each bears, the others at half of what the plain guard bears.
fn tell_added(plan: &Plan, asked: &[Asked; Kind::ALL.len()], medians: &[f64; Kind::ALL.len()]) {
    let heads = ["a second", "p50 µs", "p99 µs", "without", "added"];
    tell_head("at half load", &heads);
    let half = |kind: Kind| medians[kind as usize] / 2.0;
    let together = [
        (half(Kind::Guard), &[Kind::Nginx, Kind::HaProxy, Kind::Guard][..]),
        (half(Kind::Rewriting), &[Kind::Rewriting]),
        (half(Kind::Sessions), &[Kind::Sessions]),
    ];
    for (rate, kinds) in together {
        let mut turns: Vec<[Vec<f64>; 4]> = kinds.iter().map(|_| Default::default()).collect();
        let mut behind = 0.0_f64;
        for _ in 0..plan.turns {
            let run = |kind: Kind| paced::run(&asked[kind as usize], rate, plan.seconds, plan.clients);
            let without = run(Kind::Direct);
            for (kind, turns) in kinds.iter().zip(&mut turns) {
                let with = run(*kind);
                behind = behind.max(with.behind);
                let figures = [with.p50, with.p99, without.p99, with.p99 - without.p99];
                turns.iter_mut().zip(figures).for_each(|(turns, figure)| turns.push(figure));
            }
        }
        for (kind, turns) in kinds.iter().zip(turns) {
            let [p50, p99, without, added] = turns.map(median);
            println!("{:<38}{rate:>12.0}{p50:>12.0}{p99:>12.0}{without:>12.0}{added:>12.0}", kind.name());
        }
        if behind > 0.05 {
            println!("the clients sent {:.0} % of it too late: the machine has other work", behind * 100.0);
        }
    }
}

fn tell_memory(plan: &Plan, start: impl Fn(Kind) -> Proxy) {
    tell_head("memory with idle connections", &["held", "before MiB", "with MiB", "KiB for one"]);
    for kind in Kind::ALL.into_iter().skip(1) {
        let fresh = start(kind);
        let asked = Asked::of(&fresh);
        let before = fresh.resident_kib();
        let (held, why) = idle::hold(&asked, plan.idle);
        let with = fresh.resident_kib();
        let one = (with - before) / held.len().max(1) as f64;
        let (name, count) = (kind.name(), held.len());
        println!("{name:<38}{count:>12}{:>12.1}{:>12.1}{one:>12.2}", before / 1024.0, with / 1024.0);
        if let Some(why) = why {
            println!("not {} connections: {why}", plan.idle);
        }
    }
}

fn tell_head(first: &str, heads: &[&str]) {
    let heads: String = heads.iter().map(|head| format!("{head:>12}")).collect();
    println!("\n{first:<38}{heads}");
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
