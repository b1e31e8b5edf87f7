//! Which route covers a path. Doubt means personal.

use super::*;

fn route_of(path: &str) -> (Option<String>, bool) {
    let routes = "  routes:
    - { name: all-news, pattern: /news/**, personal: false }
    - { name: my-news, pattern: /news/my/**, personal: true }
    - { name: news, pattern: /news, personal: false }
    - { name: guide, pattern: /schools/*/guide, personal: false }
";
    let start = SYSTEM.find("  routes:\n").unwrap();
    let set = parse(&[("s.yaml", &format!("{}{routes}", &SYSTEM[..start]))]).unwrap();
    resolved(set.system("shop").unwrap(), path)
}

#[test]
fn the_most_specific_route_wins() {
    for (path, name, personal) in [
        ("/news", Some("news"), false),
        ("/news/", Some("all-news"), false),
        ("/news/2023/10", Some("all-news"), false),
        ("/news/my", Some("my-news"), true),
        ("/news/my/page.css", Some("my-news"), true),
        ("/news/mystery", Some("all-news"), false),
        ("/schools/7/guide", Some("guide"), false),
    ] {
        assert_eq!(route_of(path), (name.map(str::to_owned), personal), "{path}");
    }
}

#[test]
fn what_is_undeclared_or_ambiguous_is_personal() {
    for path in [
        "/",
        "",
        "/other",
        "/NEWS",
        "/schools//guide",
        "/schools/7/guide/more",
        "/news/../mypage",
        "/news/%2e%2e/mypage",
        "/news/%252e%252e/mypage",
        "/news/a%2Fb",
        "/news//x",
        "/news/x;jsessionid=1",
        "/news\\..\\mypage",
    ] {
        assert_eq!(route_of(path), (None, true), "{path}");
    }
}
