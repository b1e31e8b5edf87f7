//! What the notification to a supervisory authority says of its own time (GDPR Art. 33(1)).

use std::fmt::Write;

use crate::documents_scene::{ask, field, make};
use crate::duties_scene::Scene;
use crate::harness::text;

/// What the notification says of a delay, in both languages.
async fn delay(scene: &Scene) -> String {
    let mut told = String::new();
    let officer = scene.app.renewed(&scene.officer).await;
    for language in ["EN", "JA"] {
        let made = make(scene, "GDPR_NOTIFICATION", language).await;
        let fields = ask(&officer, &made["id"], "fields { number text }").await;
        writeln!(told, "{}", text(&field(&fields, "0-6")["text"])).unwrap();
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_in_time_is_said_to_have_been() {
    let scene = Scene::new().await;
    scene.gdpr_facts().await;
    scene.app.run_jobs().await;
    let mut told = format!("open:\n{}", delay(&scene).await);
    scene.at("2023-10-28T10:00");
    scene.settle("eu-gdpr", "regulator.notification", None).await;
    write!(told, "settled:\n{}", delay(&scene).await).unwrap();
    // After the deadline, and after what was settled is known to the assessment, too.
    scene.app.run_jobs().await;
    scene.at("2023-11-02T10:00");
    write!(told, "days later:\n{}", delay(&scene).await).unwrap();
    insta::assert_snapshot!(told, @r"
    open:
    not late when this version was made
    本版の作成時点で期限内
    settled:
    notified in time, at Sat 28 Oct 2023, 10:00
    期限内に通知済み：2023年10月28日（土） 10:00
    days later:
    notified in time, at Sat 28 Oct 2023, 10:00
    期限内に通知済み：2023年10月28日（土） 10:00
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_late_says_why() {
    let scene = Scene::new().await;
    scene.gdpr_facts().await;
    scene.app.run_jobs().await;
    scene.at("2023-10-30T09:00");
    let mut told = format!("overdue:\n{}", delay(&scene).await);
    scene.settle("eu-gdpr", "regulator.notification", Some("The number was known only on the 30th.")).await;
    write!(told, "settled:\n{}", delay(&scene).await).unwrap();
    insta::assert_snapshot!(told, @r"
    overdue:
    [UNKNOWN: the deadline has passed: the reasons for the delay (Art. 33(1)); this system does not hold it: fill it in by hand]
    【未確定：期限を過ぎているため、遅延の理由（33条1項）。本システムに記録のない事項のため、手入力が必要】
    settled:
    notified late, at Mon 30 Oct 2023, 09:00: The number was known only on the 30th.
    期限後に通知（2023年10月30日（月） 09:00）。理由：The number was known only on the 30th.
    ");
}
