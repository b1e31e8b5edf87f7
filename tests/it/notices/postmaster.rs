//! `suimon notices check`, against a real server of the DNS, a real mail server and a real web server with TLS.

use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Command, Stdio};

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use suimon::config::{self, Sources};
use suimon::notices::postmaster::{self, About, Asking, State};

use super::sink::Sink;
use super::tls_server::certificates;
use crate::harness::running::{Running, begin, free};

fn program(name: &str) -> String {
    let own = format!("/usr/sbin/{name}");
    if Path::new(&own).exists() { own } else { name.to_owned() }
}

/// dnsmasq, which answers for these records alone, and where.
fn dns(records: &[&str]) -> (Running, SocketAddr) {
    let address = free();
    let port = format!("--port={}", address.port());
    let records: Vec<String> = records.iter().map(|record| format!("--{record}")).collect();
    let mut arguments =
        vec!["--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--no-daemon"];
    arguments.extend(["--listen-address=127.0.0.1", "--bind-interfaces", "--local=/example/", &port]);
    arguments.extend(records.iter().map(String::as_str));
    (begin(&program("dnsmasq"), &arguments).listening_at(address), address)
}

/// Runs it: exit code, and what it says, with `PORT` for the ports of this run.
fn check(dns: SocketAddr, arguments: &[&str], settings: &[&str]) -> (i32, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_suimon"));
    command.current_dir(folder.path()).args(["notices", "check", "--dns", &dns.to_string()]);
    command
        .args(arguments)
        .args(settings.iter().flat_map(|setting| ["--set", setting]))
        .env("RUST_BACKTRACE", "0");
    let output = command.output().expect("the program runs");
    let said = String::from_utf8([output.stdout, output.stderr].concat()).expect("text");
    (output.status.code().expect("an end"), said)
}

/// The key pair of RFC 8463, A.2.
const ED25519: &str = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
const ED25519_PUBLIC: &str = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

const GOOD: [&str; 8] = [
    "txt-record=bounces.city.example,v=spf1 include:_spf.city.example -all",
    "txt-record=_spf.city.example,v=spf1 ip4:192.0.2.0/28 mx:bounces.city.example ~all",
    "mx-host=bounces.city.example,mx.city.example,10",
    "host-record=mx.city.example,203.0.113.7",
    "txt-record=_dmarc.city.example,v=DMARC1; p=reject",
    "txt-record=_mta-sts.bounces.city.example,v=spf1 is none",
    "txt-record=city.example,some-service-verification=1",
    "txt-record=unrelated.example,v=spf1 -all",
];

#[test]
fn what_is_set_up_well_is_found_so() {
    let sink = Sink::start(&[]);
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(file("ed25519"), ED25519).expect("written");
    let openssl = |arguments: &[&str]| {
        let output = Command::new("openssl").args(arguments).stderr(Stdio::null()).output().expect("openssl");
        assert!(output.status.success(), "openssl {arguments:?}");
        output.stdout
    };
    openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", &file("rsa")]);
    // Somebody else's program says what the public key is.
    let public = openssl(&["rsa", "-in", &file("rsa"), "-pubout", "-outform", "DER"]);
    let public = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, public);
    let (first, second) = public.split_at(200);
    let rsa = format!("txt-record=rsa._domainkey.city.example,v=DKIM1; k=rsa; p={first},{second}");
    let ed25519 = format!("txt-record=new._domainkey.city.example,v=DKIM1; k=ed25519; p={ED25519_PUBLIC}");
    let records: Vec<&str> = GOOD.into_iter().chain([rsa.as_str(), &ed25519]).collect();
    let (_dns, dns) = dns(&records);
    let returns = format!("mail.return_maildir={}", folder.path().display());
    for (selector, key) in [("rsa", "rsa"), ("new", "ed25519")] {
        let settings = [
            "mail.transport=smtp",
            "mail.smtp_tls=none",
            &format!("mail.smtp_port={}", sink.port),
            "mail.from_address=notice@city.example",
            "mail.return_domain=bounces.city.example",
            &returns,
            &format!("mail.dkim_selector={selector}"),
            &format!("mail.dkim_key_file={}", file(key)),
        ];
        let (code, said) =
            check(dns, &["--sends-from", "192.0.2.15", "--sends-from", "203.0.113.7"], &settings);
        let said = said.replace(&sink.port.to_string(), "PORT");
        insta::assert_snapshot!(format!("set_up_well_{key}"), said);
        assert_eq!(code, 0);
    }
    assert_eq!(sink.mails().len(), 0, "nothing is sent");
}

#[test]
fn what_keeps_mails_from_being_taken_is_named_with_its_remedy() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = folder.path().join("key");
    std::fs::write(&key, ED25519).expect("written");
    // Held, so that nobody else listens there, and not listened at.
    let held = tokio::net::TcpSocket::new_v4().expect("a socket");
    held.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
    let nobody = held.local_addr().expect("it").port();
    let (_dns, dns) = dns(&[
        "txt-record=bounces.town.example,v=spf1 ip4:192.0.2.0/28 -all",
        "mx-host=bounces.town.example,.,0",
        "txt-record=old._domainkey.town.example,v=DKIM1; k=ed25519; p=AAAAAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
        "txt-record=_dmarc.village.example,v=DMARC1; p=none; sp=reject",
    ]);
    let returns = format!("mail.return_maildir={}", folder.path().display());
    let settings = [
        "mail.transport=smtp",
        &format!("mail.smtp_port={nobody}"),
        "mail.smtp_host=127.0.0.1",
        "mail.from_address=notice@office.village.example",
        "mail.return_domain=bounces.town.example",
        &returns,
        "mail.dkim_selector=old",
        "mail.dkim_domain=town.example",
        &format!("mail.dkim_key_file={}", key.display()),
    ];
    let (code, said) = check(dns, &["--sends-from", "192.0.2.16"], &settings);
    insta::assert_snapshot!(said.replace(&nobody.to_string(), "PORT"));
    assert_eq!(code, 3);
    // Only the maildir is set: the return path is of the sender's own domain.
    let (_, said) = check(dns, &[], &["mail.from_address=notice@bounces.town.example", &returns]);
    insta::assert_snapshot!("of_the_senders_own_domain", said);
    // A provider has a return path of its own.
    let settings = [
        "mail.from_address=notice@office.village.example",
        "mail.provider=postmark",
        "mail.postmark_secret=0123456789abcdef0123456789abcdef",
    ];
    let (_, said) = check(dns, &[], &settings);
    insta::assert_snapshot!("with_a_provider", said);
    // As it is installed: nothing leaves, nothing is signed, nothing is known of the domain.
    let (code, said) = check(dns, &["--format", "json"], &["mail.from_address=notice@hamlet.example"]);
    insta::assert_snapshot!("as_it_is_installed", said);
    assert_eq!(code, 3);
}

#[test]
fn without_an_answer_nothing_is_said_to_be_well() {
    // It takes questions and does not answer.
    let silent = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let (code, said) =
        check(silent.local_addr().expect("it"), &[], &["mail.from_address=notice@city.example"]);
    insta::assert_snapshot!(said);
    assert_eq!(code, 3);
}

#[test]
fn records_that_receivers_take_for_none_are_told_from_those_that_let_nobody_send() {
    let many: Vec<String> =
        (0..11).map(|number| format!("txt-record=s{number}.example,v=spf1 -all")).collect();
    let includes: Vec<String> = (0..11).map(|number| format!("include:s{number}.example")).collect();
    let (ten, eleven) = (includes[..10].join(" "), includes.join(" "));
    let records = [
        ("two.example", vec!["v=spf1 -all", "v=spf1 ~all"]),
        ("ten.example", vec![&*format!("v=spf1 {ten} ip4:192.0.2.1 -all")]),
        ("eleven.example", vec![&*format!("v=spf1 {eleven} ip4:192.0.2.1 -all")]),
        ("loop.example", vec!["v=spf1 include:loop.example -all"]),
        ("gone.example", vec!["v=spf1 include:nowhere.example -all"]),
        ("typing.example", vec!["v=spf1 ip4:192.0.2.1 ipv4:203.0.113.7 -all"]),
        ("semicolon.example", vec!["v=spf1; ip4:192.0.2.1 -all"]),
        ("void.example", vec!["v=spf1 a:x1.example a:x2.example a:x3.example ip4:192.0.2.1 -all"]),
        ("low_er.example", vec!["V=SPF1 IP4:192.0.2.1 -ALL"]),
        ("under.example", vec!["v=spf1 include:low_er.example -all"]),
        ("macro.example", vec!["v=spf1 exists:%{i}._spf.example -all"]),
        ("late.example", vec!["v=spf1 ip4:192.0.2.1 include:%{i}.nowhere.example -all"]),
        ("all.example", vec!["v=spf1 +all"]),
        ("six.example", vec!["v=spf1 ip4:192.0.2.1 ip6:::/0 -all"]),
        ("redirect.example", vec!["v=spf1 redirect=ten.example"]),
        ("other.example", vec!["v=spf10 +all"]),
    ]
    .map(|(domain, texts)| {
        texts.iter().map(|text| format!("txt-record={domain},{text}")).collect::<Vec<_>>()
    });
    let all: Vec<&str> = records.iter().flatten().chain(&many).map(String::as_str).collect();
    let (_dns, dns) = dns(&all);
    let mut said = String::new();
    let domains = [
        "two",
        "ten",
        "eleven",
        "loop",
        "gone",
        "typing",
        "semicolon",
        "void",
        "under",
        "macro",
        "late",
        "all",
        "six",
        "redirect",
        "other",
    ];
    for domain in domains {
        let from = format!("mail.from_address=notice@{domain}.example");
        let (_, all) = check(dns, &["--sends-from", "192.0.2.1"], &[&from]);
        said.extend(all.lines().filter(|line| line.contains(" SPF ")).map(|line| format!("{line}\n")));
    }
    insta::assert_snapshot!(said);
}

/// nginx, which serves policies of `names` by TLS: each `name` with what it answers.
fn policies(folder: &Path, answers: &[(&str, String)]) -> (Running, u16, RootCertStore) {
    // One of them is not in the certificate.
    let names: Vec<String> = answers
        .iter()
        .map(|(name, _)| format!("mta-sts.{name}.example"))
        .filter(|name| !name.contains("stranger"))
        .collect();
    certificates(folder, names);
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(folder.join("ca.pem")).expect("a file")).expect("an authority");
    let address = free();
    let servers: Vec<String> = answers
        .iter()
        .map(|(name, answer)| {
            format!("server {{ listen {address} ssl; server_name mta-sts.{name}.example; location = /.well-known/mta-sts.txt {{ {answer} }} }}\n")
        })
        .collect();
    let at = folder.display();
    let text = format!(
        "daemon off; user root; pid {at}/pid; error_log {at}/error.log; worker_processes 1; events {{ }}
http {{ access_log off; default_type text/plain; client_body_temp_path {at}/b; proxy_temp_path {at}/p; fastcgi_temp_path {at}/f;
uwsgi_temp_path {at}/u; scgi_temp_path {at}/s; server_names_hash_bucket_size 128;
ssl_certificate {at}/certificate.pem; ssl_certificate_key {at}/key.pem;
{} }}",
        servers.concat()
    );
    let file = |name: &str| folder.join(name).display().to_string();
    std::fs::write(file("nginx.conf"), text).expect("written");
    let nginx = begin(&program("nginx"), &["-e", &file("error.log"), "-c", &file("nginx.conf")]);
    (nginx.listening_at(address), address.port(), roots)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_counts_as_whoever_sends_a_bounce_would_take_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let policy = |mode: &str, mx: &str| {
        format!("return 200 'version: STSv1\\r\\nmode: {mode}\\r\\nmx: {mx}\\r\\nmax_age: 604800\\r\\n';")
    };
    let cases = [
        ("good", policy("enforce", "*.hosts.example"), State::Good),
        ("testing", policy("testing", "mx.hosts.example"), State::Warning),
        ("unnamed", policy("enforce", "mx.elsewhere.example"), State::Wrong),
        (
            "moved",
            "return 301 https://mta-sts.good.example/.well-known/mta-sts.txt;".to_owned(),
            State::Wrong,
        ),
        ("empty", "return 200 '';".to_owned(), State::Wrong),
        ("stranger", policy("enforce", "mx.hosts.example"), State::Wrong),
        ("none", policy("enforce", "mx.hosts.example"), State::Warning),
    ];
    let answers: Vec<(&str, String)> =
        cases.iter().map(|(name, answer, _)| (*name, answer.clone())).collect();
    let (_web, policy_port, roots) = policies(folder.path(), &answers);
    let mut records = vec!["host-record=mx.hosts.example,127.0.0.1".to_owned()];
    for (name, ..) in &cases {
        records.push(format!("mx-host={name}.example,mx.hosts.example,10"));
        records.push(format!("host-record=mta-sts.{name}.example,127.0.0.1"));
        if *name != "none" {
            records.push(format!("txt-record=_mta-sts.{name}.example,v=STSv1; id=20261130"));
        }
    }
    let (_dns, dns) = dns(&records.iter().map(String::as_str).collect::<Vec<_>>());
    let mut said = String::new();
    for (name, _, state) in cases {
        let flags = vec![
            format!("mail.return_domain={name}.example"),
            format!("mail.return_maildir={}", folder.path().display()),
        ];
        let config = config::load(&Sources { flags, ..Default::default() }).expect("a configuration");
        let asking =
            Asking { dns: Some(dns), sends_from: Vec::new(), authorities: roots.clone(), policy_port };
        let findings = postmaster::check(&config.mail, &asking).await.expect("a look");
        let found = findings.into_iter().find(|finding| finding.about == About::MtaSts).expect("a finding");
        assert_eq!(found.state, state, "{name}: {}", found.what);
        said.push_str(&format!("{} {}: {}\n", found.state.as_str(), found.place, found.what));
    }
    insta::assert_snapshot!(said);
}
