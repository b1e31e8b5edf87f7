//! Killed in the middle of an application: everything or nothing, and the next run finishes it.

use std::process::Stdio;
use std::time::Duration;

use super::command_line::suimon;
use super::{CACHING, SYSTEM, with};
use crate::harness::TestApp;

const REQUIREMENTS: usize = 400;

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_applying_leaves_all_or_nothing() {
    let app = TestApp::new().await;
    let folder = app.folder().join("manifests");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("system.yaml"), SYSTEM).unwrap();
    let numbered = |n: usize, text: &str| {
        let named = with(CACHING, "NFR-CACHE", &format!("NFR-{n:04}"));
        with(&named, "en: Not stored", &format!("en: {text}"))
    };
    let write = |text: &str| {
        for half in 0..2 {
            let documents: Vec<String> =
                (0..REQUIREMENTS).filter(|n| n % 2 == half).map(|n| numbered(n, text)).collect();
            for (part, documents) in documents.chunks(100).enumerate() {
                std::fs::write(folder.join(format!("{half}-{part}.yaml")), documents.join("---\n")).unwrap();
            }
        }
    };
    let (mut before, mut round) = (0, 0_i32);
    // The moment at which it is killed moves on until it comes after the end.
    loop {
        round += 1;
        // 20 ms, and each time a quarter longer: 23 rounds for the first three seconds, 40 for two minutes on a busy machine.
        let delay = Duration::from_millis(20).mul_f64(1.25_f64.powi(round));
        assert!(delay < Duration::from_secs(300), "applying takes longer than five minutes");
        write(&format!("Round {round}"));
        let mut child = suimon(&app, &["apply", "manifests", "--reason", "a release"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        tokio::time::sleep(delay).await;
        child.kill().unwrap();
        child.wait().unwrap();
        let left = pending(&app);
        if left == 0 {
            break;
        }
        before += 1;
        // The system is one more until the first round is done.
        assert!(left == REQUIREMENTS || left == REQUIREMENTS + 1, "{left} are left: a part was stored");
        let done = suimon(&app, &["apply", "manifests", "--reason", "a release"]).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        assert_eq!(pending(&app), 0);
    }
    assert!(before > 0, "no kill came before the end");
    let versions = super::versions(&app, "REQUIREMENT", "NFR-0399").await;
    let numbers: Vec<_> = versions.iter().map(|version| version["version"].as_u64().unwrap()).collect();
    let expected: Vec<_> = (1..=round.unsigned_abs().into()).rev().collect();
    assert_eq!(numbers, expected, "each round is one version, killed or not");
}

fn pending(app: &TestApp) -> usize {
    let plan = suimon(app, &["plan", "manifests", "--format", "json"]).output().unwrap();
    let plan: serde_json::Value = serde_json::from_slice(&plan.stdout).expect("a plan");
    let changes = plan["changes"].as_array().expect("changes");
    changes.iter().filter(|change| change["change"] != "unchanged").count()
}
