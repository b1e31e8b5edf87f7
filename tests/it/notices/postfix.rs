//! A real mail server: a mailbox that it delivers to, a bounce that it writes, a signature that somebody else's program checks.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use mail_parser::{MessageParser, MimeHeaders};

use super::fixture::Fixture;
use super::sink::Sink;

/// Postfix with a folder and a port of its own.
struct Postfix {
    folder: tempfile::TempDir,
    port: u16,
}

const SERVICES: &str = "\
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
";

fn run(program: &str, arguments: &[&str]) -> Vec<u8> {
    let output =
        Command::new(program).args(arguments).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn number(flag: &str, user: &str) -> String {
    String::from_utf8(run("id", &[flag, user])).expect("a number").trim().to_owned()
}

impl Postfix {
    /// Delivers to `p-000@school-001.example` and to the return paths of `returns.example`; hands `p-001@…` on to a server at `next`,
    /// which knows nobody. `refused` are recipients and what it answers at them, one in a line, as in access(5).
    fn start(next: u16, refused: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let port =
            std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("it").port();
        let place = folder.path();
        // Its parts run as other users.
        std::fs::set_permissions(place, std::fs::Permissions::from_mode(0o755)).expect("permissions");
        for name in ["etc", "queue", "data", "mail"] {
            std::fs::create_dir(place.join(name)).expect("a folder");
        }
        run("chown", &["postfix", place.join("data").to_str().unwrap()]);
        run("chown", &["nobody", place.join("mail").to_str().unwrap()]);
        let at = place.display();
        let configuration = format!(
            "compatibility_level = 3.6
queue_directory = {at}/queue
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
data_directory = {at}/data
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.example
mydestination =
local_recipient_maps =
alias_maps =
recipient_delimiter = +
disable_dns_lookups = yes
virtual_mailbox_domains = school-001.example, returns.example
virtual_mailbox_base = {at}/mail
virtual_mailbox_maps = texthash:{at}/etc/mailboxes
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
transport_maps = inline:{{ {{p-001@school-001.example = smtp:[127.0.0.1]:{next}}} }}
smtp_delivery_status_filter = regexp:{at}/etc/status
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions = check_recipient_access texthash:{at}/etc/refused, permit_mynetworks, reject
maillog_file = {at}/log
maillog_file_prefixes = {at}
",
            uid = number("-u", "nobody"),
            gid = number("-g", "nobody"),
        );
        std::fs::write(place.join("etc/main.cf"), configuration).expect("main.cf");
        // The server behind it says no more than "command failed".
        std::fs::write(place.join("etc/status"), "/^5\\.3\\.0(.*)/ 5.1.1$1\n").expect("status");
        let people = (0..8).map(|n| format!("p-{n:03}@school-001.example p-{n:03}/\n"));
        let mailboxes: String = people.chain(["return@returns.example returns/\n".to_owned()]).collect();
        std::fs::write(place.join("etc/mailboxes"), mailboxes).expect("mailboxes");
        std::fs::write(place.join("etc/refused"), refused).expect("who is refused");
        let services = format!("127.0.0.1:{port} inet n - n - - smtpd\n{SERVICES}");
        std::fs::write(place.join("etc/master.cf"), services).expect("master.cf");
        let this = Self { folder, port };
        run("/usr/sbin/postfix", &["-c", this.etc().to_str().unwrap(), "start"]);
        this
    }

    /// Refuses nobody from now on.
    fn lets_everybody_in(&self) {
        std::fs::write(self.etc().join("refused"), "").expect("who is refused");
        run("/usr/sbin/postfix", &["-c", self.etc().to_str().unwrap(), "reload"]);
    }

    fn etc(&self) -> PathBuf {
        self.folder.path().join("etc")
    }

    fn mailbox(&self, name: &str) -> PathBuf {
        self.folder.path().join("mail").join(name)
    }

    /// The first mail in a mailbox, once it is there.
    fn first(&self, mailbox: &str) -> PathBuf {
        let (new, since) = (self.mailbox(mailbox).join("new"), Instant::now());
        loop {
            let found = std::fs::read_dir(&new).ok().and_then(|mut entries| entries.next());
            if let Some(Ok(entry)) = found {
                return entry.path();
            }
            let log = || std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(since.elapsed() < Duration::from_secs(30), "nothing came to {mailbox}: {}", log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        let _ = Command::new("/usr/sbin/postfix").arg("-c").arg(self.etc()).arg("stop").output();
    }
}

/// Whether a signature is right, as the program of somebody else says. The public key is given instead of asked for.
fn verified(mail: &Path, public_key: &str) -> bool {
    const SCRIPT: &str = "\
import sys, dkim
key = ('v=DKIM1; k=rsa; p=' + sys.argv[2]).encode()
asked = []
def txt(name, timeout=5):
    asked.append(name)
    return key
ok = dkim.verify(open(sys.argv[1], 'rb').read(), dnsfunc=txt)
print(ok, asked[0].decode().rstrip('.') if asked else '-')
";
    let told = run("/usr/bin/python3", &["-c", SCRIPT, mail.to_str().unwrap(), public_key]);
    let told = String::from_utf8(told).expect("text");
    assert!(told.trim_end().ends_with(" s1._domainkey.suimon.example"), "{told}");
    told.starts_with("True")
}

fn may_start() -> bool {
    let is_root = number("-u", "root") == String::from_utf8(run("id", &["-u"])).expect("a number").trim();
    if !is_root {
        println_to_stderr("Postfix's master needs root: this test ran for nobody else");
    }
    is_root
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_real_server_answers_at_one_recipient_says_nothing_of_the_others() {
    if !may_start() {
        return;
    }
    let refused = "\
p-001@school-001.example 550 5.1.1 No such mailbox
p-002@school-001.example 451 4.3.0 Try again later
p-003@school-001.example 421 4.7.0 Too many at once, good-bye
";
    let postfix = Postfix::start(1, refused);
    let port = format!("mail.smtp_port={}", postfix.port);
    let further = ["mail.transport=smtp", "mail.smtp_tls=none", "mail.smtp_connections=2", &port];
    let fixture = Fixture::with(&further).await;
    let revision = fixture.people(8).await;
    let notice = fixture.approved(revision).await;
    let sent = fixture.send().await;
    assert_eq!((sent.accepted, sent.deferred, sent.failed, sent.released), (5, 2, 1, 0));
    let waits = |line: &&String| !line.contains("ACCEPTED 250");
    insta::assert_snapshot!(
        fixture.messages(&notice).await.iter().filter(waits).cloned().collect::<Vec<_>>().join("\n"),
        @r#"
    p-001 FAILED 550 "refused" 1
    p-002 DEFERRED 451 "refused for now" 1
    p-003 DEFERRED 421 "refused for now" 1
    "#
    );
    postfix.lets_everybody_in();
    fixture.app.clock.advance(120);
    assert_eq!(fixture.send().await.accepted, 2, "those that were put off");
    assert_eq!(fixture.standing(&notice).await, "DONE 0 0 7 0 1");
    for person in [0, 2, 3, 4, 5, 6, 7] {
        let mailbox = format!("p-{person:03}");
        postfix.first(&mailbox);
        let mails = std::fs::read_dir(postfix.mailbox(&mailbox).join("new")).expect("the mailbox");
        assert_eq!(mails.count(), 1, "{mailbox} has it once");
    }
    assert!(!postfix.mailbox("p-001").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_server_delivers_and_what_comes_back_through_it_is_known() {
    if !may_start() {
        return;
    }
    let next = Sink::start(&["-f", "RCPT"]);
    let postfix = Postfix::start(next.port, "");
    let keys = tempfile::tempdir().expect("a folder");
    let private = keys.path().join("dkim.pem");
    run("openssl", &["genrsa", "-traditional", "-out", private.to_str().unwrap(), "2048"]);
    let public = run("openssl", &["rsa", "-in", private.to_str().unwrap(), "-pubout", "-outform", "DER"]);
    let public = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, public);
    std::fs::create_dir_all(postfix.mailbox("returns").join("new")).expect("a maildir");
    run("chown", &["-R", "nobody", postfix.mailbox("returns").to_str().unwrap()]);
    let overrides = [
        "mail.transport=smtp".to_owned(),
        "mail.smtp_tls=none".to_owned(),
        format!("mail.smtp_port={}", postfix.port),
        format!("mail.return_maildir={}", postfix.mailbox("returns").display()),
        "mail.return_domain=returns.example".to_owned(),
        "mail.dkim_selector=s1".to_owned(),
        format!("mail.dkim_key_file={}", private.display()),
    ];
    let overrides: Vec<&str> = overrides.iter().map(String::as_str).collect();
    let fixture = Fixture::with(&overrides).await;
    let revision = fixture.people(2).await;
    let notice = fixture.approved(revision).await;
    assert_eq!(fixture.send().await.accepted, 2, "the server takes both");

    let delivered = postfix.first("p-000");
    let bytes = std::fs::read(&delivered).expect("the mail");
    assert!(verified(&delivered, &public), "{}", String::from_utf8_lossy(&bytes));
    let changed = keys.path().join("changed");
    let text = String::from_utf8(bytes.clone()).expect("ASCII").replacen("Subject: ", "Subject: x", 1);
    std::fs::write(&changed, text).expect("a copy");
    assert!(!verified(&changed, &public), "another subject is not what was signed");
    let mail = MessageParser::default().parse(&bytes).expect("a mail");
    assert_eq!(
        mail.subject(),
        Some("【重要】出願システムにおける個人情報に関するお知らせ(みほん出願サービス)")
    );
    assert!(mail.body_text(0).is_some_and(|text| text.starts_with("山田 p-000 様")));
    assert!(
        mail.body_html(0).is_some_and(|html| html.contains("<html lang=\"ja\">") && html.contains("<h2"))
    );
    let kind =
        mail.content_type().map(|kind| format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default()));
    assert_eq!(kind.as_deref(), Some("multipart/alternative"));

    postfix.first("returns");
    fixture.app.run_jobs().await;
    assert_eq!(
        fixture.messages(&notice).await,
        ["p-000 ACCEPTED 250 null 1", "p-001 BOUNCED_HARD 250 null 1"]
    );
    assert!(std::fs::read_dir(postfix.mailbox("returns").join("new")).expect("the folder").next().is_none());
}

fn println_to_stderr(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{text}");
}
