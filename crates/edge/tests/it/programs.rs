//! The exported configuration in the real nginx and Varnish: checked, then run with the worst cache that there is, for two
//! people. A missing program fails the test: what was not run was not tested.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use edge::export::{Bundle, Options, nginx, varnish};
use edge::policy::CACHE_CONTROL;
use edge::{Caching, RouteRule, RouteTable};

use crate::export::options;
use crate::origin::{free_port, get, lines, origin};
use crate::{compile, founding, hour};

fn program(name: &str) -> Command {
    let found = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"]
        .iter()
        .map(|dir| Path::new(dir).join(name))
        .find(|path| path.exists());
    Command::new(
        found.unwrap_or_else(|| panic!("{name} is not installed (Debian: apt-get install -y nginx varnish)")),
    )
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What both programs must do, whatever else they were told.
fn assert_guards(port: u16) {
    let taro = get(port, "/mypage", "Cookie: sid=taro\r\nIf-None-Match: \"e\"\r\n");
    assert!(taro.contains("200 OK") && taro.contains("for sid=taro conditions --"), "{taro}");
    assert_eq!(lines(&taro, "cache-control"), [CACHE_CONTROL], "{taro}");
    for (field, value) in
        [("cdn-cache-control", "no-store"), ("surrogate-control", "no-store"), ("x-accel-expires", "0")]
    {
        assert_eq!(lines(&taro, field), [value], "{taro}");
    }
    let vary = lines(&taro, "vary").join(", ");
    assert!(vary.contains("Cookie, Authorization") && vary.contains("Accept-Language"), "{taro}");
    for gone in ["etag", "last-modified", "expires"] {
        assert!(lines(&taro, gone).is_empty(), "{gone}: {taro}");
    }
    for (path, more) in [
        ("/mypage", "Cookie: sid=hana\r\n"),
        ("/mypage?x=1", "Cookie: sid=hana\r\n"),
        ("/undeclared", "Cookie: sid=hana\r\n"),
        ("/slots/MINE", "Cookie: sid=hana\r\n"),
        ("/assets/%61", "Cookie: sid=hana\r\n"),
        ("/assets//a", "Cookie: sid=hana\r\n"),
        ("/mypage/a.pdf", "Cookie: sid=hana\r\n"),
        ("/assets/bearer", "Authorization: Bearer hana\r\nCookie: sid=hana\r\n"),
        ("/assets/cookie", "Cookie: sid=hana\r\n"),
        ("/assets/accel", "Cookie: sid=hana\r\n"),
    ] {
        let first = get(port, path, &more.replace("hana", "taro"));
        assert!(first.contains("for sid=taro"), "{path}: {first}");
        let second = get(port, path, more);
        assert!(second.contains("for sid=hana"), "{path}: {second}");
        assert_eq!(lines(&second, "cache-control"), [CACHE_CONTROL], "{path}: {second}");
        let anonymous = get(port, path, "");
        assert!(anonymous.contains("for -"), "{path}: {anonymous}");
    }
    for path in [
        "/mypage/x.css",
        "/mypage/x.CSS",
        "/mypage;x.css",
        "/mypage%00.css",
        "/mypage/%2e%2e/a",
        "/mypage%2fx.css",
    ] {
        let refused = get(port, path, "Cookie: sid=taro\r\n");
        // Bytes and dots that the program itself refuses never reach us: 400.
        assert!(refused.contains(" 404 ") || refused.contains(" 400 "), "{path}: {refused}");
        assert!(!refused.contains("for sid"), "{path}: {refused}");
    }
    // A visitor is none of the proxies whose word the guard takes.
    for path in ["/mypage", "/assets/new"] {
        let told = get(port, path, "X-Suimon-Channel: call_centre\r\n");
        assert!(told.contains("200 OK") && told.contains("channel - number"), "{path}: {told}");
    }
    let first = get(port, "/assets/app.css", "");
    assert_eq!(lines(&first, "cache-control"), ["public, max-age=3600"], "{first}");
    let body = |text: &str| text.split("\r\n\r\n").nth(1).map(str::to_owned);
    assert_eq!(body(&get(port, "/assets/app.css", "")), body(&first), "what is public is cached");
    assert_eq!(lines(&first, "etag"), ["\"e\""], "{first}");
}

fn write_all(dir: &Path, bundle: &Bundle) {
    for file in &bundle.files {
        std::fs::write(dir.join(&file.name), &file.content).expect("a temporary folder takes files");
    }
}

fn nginx_conf(dir: &Path, port: u16, origin: u16, guarded: bool) -> String {
    let dir = dir.display();
    let (maps, rules) = if guarded {
        (
            format!("include {dir}/suimon-online-application-http.conf;"),
            format!("include {dir}/suimon-online-application-location.conf;"),
        )
    } else {
        (String::new(), String::new())
    };
    format!(
        "daemon off; master_process off; pid {dir}/pid; error_log {dir}/error.log;\nevents {{}}\nhttp {{ access_log off;
client_body_temp_path {dir}/a; proxy_temp_path {dir}/b; fastcgi_temp_path {dir}/c; uwsgi_temp_path {dir}/d; scgi_temp_path {dir}/e;
proxy_cache_path {dir}/cache keys_zone=z:1m; {maps}
server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://127.0.0.1:{origin}; proxy_cache z; proxy_cache_valid any 60s;
proxy_cache_key $uri; proxy_ignore_headers Cache-Control Expires Set-Cookie Vary X-Accel-Expires; {rules} }} }} }}"
    )
}

fn check_nginx(table: &RouteTable) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    write_all(dir.path(), &nginx(table, &options(false)).expect("a plain name"));
    let conf = dir.path().join("nginx.conf");
    std::fs::write(&conf, nginx_conf(dir.path(), free_port(), 9, true))
        .expect("a temporary folder takes files");
    let output = program("nginx")
        .arg("-t")
        .arg("-e")
        .arg(dir.path().join("error.log"))
        .arg("-c")
        .arg(&conf)
        .output()
        .expect("nginx runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn check_varnish(table: &RouteTable) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    write_all(dir.path(), &varnish(table, &options(true)).expect("a plain name"));
    let conf = dir.path().join("main.vcl");
    std::fs::write(&conf, vcl(dir.path(), 9, true)).expect("a temporary folder takes files");
    let output = program("varnishd")
        .arg("-C")
        .arg("-n")
        .arg(dir.path().join("n"))
        .arg("-f")
        .arg(&conf)
        .output()
        .expect("varnishd runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The worst code that may follow: looks up always, keeps always.
fn vcl(dir: &Path, origin: u16, guarded: bool) -> String {
    let include = if guarded {
        format!("include \"{}/suimon-online-application.vcl\";", dir.display())
    } else {
        String::new()
    };
    format!(
        "vcl 4.1;\n{include}\nbackend default {{ .host = \"127.0.0.1\"; .port = \"{origin}\"; }}\nsub vcl_recv {{ return (hash); }}
sub vcl_hash {{ hash_data(regsub(req.url, \"\\?.*\", \"\")); return (lookup); }}
sub vcl_backend_response {{ set beresp.ttl = 60s; unset beresp.http.Set-Cookie; unset beresp.http.Vary; return (deliver); }}\n"
    )
}

/// Names and patterns of the kind that break out of quotes.
fn hostile() -> RouteTable {
    let patterns = [
        "/a\"b",
        "/a'b",
        "/a{b}",
        "/a$b",
        "/${x}",
        "/(a|b)",
        "/[a-z]",
        "/^a$",
        "/a+",
        "/a,b/*",
        "/a<b>/**",
        "/a`b`",
        "/a|b",
        "/C{x}C",
        "/\u{5b66}",
        "/a:b@c",
        "/!a/**",
        "/a=b&c",
    ];
    let names = ["\"; }", "${x}", "%{if}", "C{ }C", "*/ x /*", "学校", "a\\", "'", "<script>"];
    let rules = patterns.iter().enumerate().map(|(at, pattern)| {
        let name = format!("{}{at}", names[at % names.len()]);
        match at % 3 {
            0 => RouteRule::personal(name, *pattern),
            1 => RouteRule::public(name, *pattern, hour()),
            _ => RouteRule::public(name, *pattern, Caching::Origin),
        }
    });
    compile(rules.collect())
}

#[test]
fn nginx_accepts_the_output() {
    check_nginx(&founding());
    check_nginx(&hostile());
    check_nginx(&compile(vec![]));
}

/// nginx refuses variables whose names do not fit into its hash.
#[test]
fn nginx_accepts_the_longest_name() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let longest = Options { name: "a".repeat(32), identity_binding: false };
    write_all(dir.path(), &nginx(&founding(), &longest).expect("a plain name"));
    let conf = dir.path().join("nginx.conf");
    let text = nginx_conf(dir.path(), free_port(), 9, true).replace("online-application", &longest.name);
    std::fs::write(&conf, text).expect("a temporary folder takes files");
    let output = program("nginx")
        .arg("-t")
        .arg("-e")
        .arg(dir.path().join("error.log"))
        .arg("-c")
        .arg(&conf)
        .output()
        .expect("nginx runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn varnish_accepts_the_output() {
    check_varnish(&founding());
    check_varnish(&hostile());
    check_varnish(&compile(vec![]));
}

#[test]
fn many_routes_are_accepted() {
    let rules = |count: usize| {
        (0..count).map(|at| match at % 2 {
            0 => RouteRule::personal(format!("p{at}"), format!("/area-{at}/**")),
            _ => RouteRule::public(format!("s{at}"), format!("/slots-{at}/*"), hour()),
        })
    };
    check_nginx(&compile(rules(1_000).collect()));
    // Varnish makes C of it and has it compiled: minutes for a thousand.
    check_varnish(&compile(rules(100).collect()));
}

#[test]
fn nginx_that_ignores_every_header_keeps_people_apart() {
    let origin = origin();
    for guarded in [false, true] {
        let dir = tempfile::tempdir().expect("a temporary folder");
        write_all(dir.path(), &nginx(&founding(), &options(false)).expect("a plain name"));
        let (conf, port) = (dir.path().join("nginx.conf"), free_port());
        std::fs::write(&conf, nginx_conf(dir.path(), port, origin, guarded))
            .expect("a temporary folder takes files");
        let child = program("nginx")
            .arg("-e")
            .arg(dir.path().join("error.log"))
            .arg("-c")
            .arg(&conf)
            .spawn()
            .expect("nginx starts");
        let _running = Running(child);
        if guarded {
            assert_guards(port);
        } else {
            // Without the rules this cache leaks: what follows would notice.
            get(port, "/mypage", "Cookie: sid=taro\r\n");
            assert!(get(port, "/mypage", "Cookie: sid=hana\r\n").contains("for sid=taro"));
        }
    }
}

#[test]
fn varnish_that_keeps_everything_keeps_people_apart() {
    let origin = origin();
    for guarded in [false, true] {
        let dir = tempfile::tempdir().expect("a temporary folder");
        write_all(dir.path(), &varnish(&founding(), &options(true)).expect("a plain name"));
        let (conf, port) = (dir.path().join("main.vcl"), free_port());
        std::fs::write(&conf, vcl(dir.path(), origin, guarded)).expect("a temporary folder takes files");
        let child = program("varnishd")
            .args(["-F", "-j", "none", "-s", "malloc,16m", "-a", &format!("127.0.0.1:{port}"), "-n"])
            .arg(dir.path().join("n"))
            .arg("-f")
            .arg(&conf)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("varnishd starts");
        let _running = Running(child);
        if guarded {
            assert_guards(port);
            let own = "Cookie: a=b; __Host-suimon-viewer=v1.k1.0123456789abcdef0123456789abcdef\r\n";
            assert!(get(port, "/mypage/tagged", own).contains("200 OK"));
            let outage = get(port, "/mypage/outage", own);
            assert!(outage.contains(" 503 ") && !outage.contains("number"), "{outage}");
            for (path, more) in [
                ("/mypage/tagged", "Cookie: __Host-suimon-viewer=v1.k1.ffffffffffffffffffffffffffffffff\r\n"),
                ("/mypage/tagged", ""),
                (
                    "/mypage/tagged",
                    "Cookie: x__Host-suimon-viewer=v1.k1.0123456789abcdef0123456789abcdef\r\n",
                ),
                (
                    "/mypage/tagged",
                    "Cookie: __Host-suimon-viewer=v1.k1.ffffffffffffffffffffffffffffffff; __Host-suimon-viewer=v1.k1.0123456789abcdef0123456789abcdef\r\n",
                ),
                ("/assets/tagged", ""),
            ] {
                let refused = get(port, path, more);
                assert!(refused.contains(" 409 ") && !refused.contains("number"), "{path} {more}: {refused}");
                assert_eq!(lines(&refused, "cache-control"), [CACHE_CONTROL]);
            }
        } else {
            get(port, "/mypage", "Cookie: sid=taro\r\n");
            assert!(get(port, "/mypage", "Cookie: sid=hana\r\n").contains("for sid=taro"));
        }
    }
}
