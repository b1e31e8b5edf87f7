//! The page that is generated from the packs.

use law::{Lang, document};

use super::shipped;

#[test]
fn the_page_names_every_pack_in_both_languages() {
    let packs = shipped();
    let (en, ja) = (document(&packs, Lang::En), document(&packs, Lang::Ja));
    for r in packs.regimes() {
        for page in [&en, &ja] {
            assert!(
                page.contains(&format!("(#{})", r.id)) && page.contains(&format!("<a id=\"{}\">", r.id)),
                "{}",
                r.id
            );
        }
        assert!(en.contains(&*r.title.en) && ja.contains(&*r.title.ja));
        for v in &r.versions {
            assert!(en.contains(&*v.title.en), "{} {}", r.id, v.id);
        }
    }
    assert!(en.contains("**This is no legal advice.**") && ja.contains("法的助言ではありません"));
    let statute = "30 days, the day of the start is day 1, moved to the next open day (jp-administrative)";
    assert!(en.contains(statute) && ja.contains("30日（初日算入）、閉庁日は翌開庁日 (jp-administrative)"));
    assert!(en.contains("number of principals > 1000"));
}
