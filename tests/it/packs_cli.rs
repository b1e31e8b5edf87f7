//! `suimon packs`: what is shipped holds, and a slip in one's own pack is told with its place.

use std::process::{Command, Output};

fn suimon(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_suimon"))
        .args(arguments)
        .env_clear()
        .env("RUST_BACKTRACE", "0")
        .output()
        .expect("the program runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

#[test]
fn the_shipped_packs_hold_and_their_cases_come_out() {
    let done = suimon(&["packs", "check", "--quiet", "--on", "2026-11-29"]);
    let told = text(&done.stdout);
    assert_eq!(done.status.code(), Some(0), "{told}{}", text(&done.stderr));
    assert!(told.lines().last().is_some_and(|line| line.ends_with(", 0 of them errors")), "{told}");
}

#[test]
fn a_slip_in_a_pack_of_ones_own_is_told_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let pack = include_str!("../../policies/regulations/za-popia.yaml");
    let slip = pack.replacen("data.is_personal_data", "data.is_personnal_data", 1);
    assert_ne!(slip, pack);
    std::fs::write(folder.path().join("own.yaml"), slip).unwrap();
    let done = suimon(&["packs", "check", folder.path().to_str().expect("a path")]);
    let told = text(&done.stdout);
    assert_eq!(done.status.code(), Some(3), "{told}{}", text(&done.stderr));
    let found = told.lines().find(|line| line.contains("data.is_personnal_data")).unwrap_or(&told);
    assert!(
        found.contains("own.yaml:") && found.contains("did you mean \"data.is_personal_data\"?"),
        "{told}"
    );
}

#[test]
fn every_regime_is_listed_with_its_grade() {
    let done = suimon(&["packs", "list", "--format", "json"]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    let listed: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    let packs = listed["packs"].as_array().expect("packs");
    assert_eq!(packs.len(), law::Packs::load(law::SHIPPED.iter().copied()).unwrap().regimes().count());
    assert!(packs.iter().all(|pack| pack["grade"].is_string() && pack["reviewer"].is_null()), "{listed}");
}
