//! The programs: an origin and what stands before it.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What clients ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The origin itself.
    Direct,
    Nginx,
    HaProxy,
    /// With caching rules.
    Guard,
    /// And with pages rewritten.
    Rewriting,
    /// With caching rules, and sessions known.
    Sessions,
}

impl Kind {
    pub const ALL: [Self; 6] =
        [Self::Direct, Self::Nginx, Self::HaProxy, Self::Guard, Self::Rewriting, Self::Sessions];

    pub fn name(self) -> &'static str {
        match self {
            Self::Direct => "the origin itself",
            Self::Nginx => "nginx",
            Self::HaProxy => "HAProxy",
            Self::Guard => "suimon guard",
            Self::Rewriting => "suimon guard --tripwire enforce",
            Self::Sessions => "suimon guard, sessions known",
        }
    }
}

/// A running program; ended when dropped.
struct Running {
    child: Child,
    said: Arc<Mutex<String>>,
}

impl Running {
    /// Waits until it takes connections.
    fn answers(&self, address: SocketAddr) {
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            let said = self.said.lock().expect("nobody panics with it");
            assert!(began.elapsed() < Duration::from_secs(20), "nobody listens on {address}: {said}");
            drop(said);
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What is asked, and where.
pub struct Proxy {
    pub kind: Kind,
    pub address: SocketAddr,
    /// None of the origin itself, which is another's.
    program: Option<Running>,
}

impl Proxy {
    /// Memory that it has, in KiB. Each is one process.
    pub fn resident_kib(&self) -> f64 {
        let Some(Running { child: program, .. }) = &self.program else { return f64::NAN };
        let status = std::fs::read_to_string(format!("/proc/{}/status", program.id())).unwrap_or_default();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next());
        resident.and_then(|number| number.parse().ok()).unwrap_or(f64::NAN)
    }
}

/// Where the programs are, and who has which processor.
pub struct Machine {
    nginx: OsString,
    haproxy: OsString,
    pub wrk: OsString,
    /// Of the proxy that is measured; the others rest meanwhile.
    alone: usize,
    rest: String,
}

impl std::fmt::Display for Machine {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "proxies on processor {}, origin and clients on {}", self.alone, self.rest)
    }
}

impl Machine {
    /// As `script/bench` says; none where it did not, or where there is one processor only.
    pub fn found() -> Option<Self> {
        let program = |name: &str| std::env::var_os(format!("SUIMON_BENCH_{name}"));
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let allowed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
        let mut allowed = processors(allowed.trim())?;
        let alone = allowed.pop()?;
        let rest: Vec<String> = allowed.iter().map(usize::to_string).collect();
        let rest = (!rest.is_empty()).then(|| rest.join(","))?;
        Some(Self {
            nginx: program("NGINX")?,
            haproxy: program("HAPROXY")?,
            wrk: program("WRK")?,
            alone,
            rest,
        })
    }

    /// Keeps this process and what it starts from the proxies' processor.
    pub fn pin_this(&self) {
        let pid = std::process::id().to_string();
        let pinned = Command::new("taskset").args(["-a", "-c", "-p", &self.rest, &pid]).output();
        assert!(pinned.is_ok_and(|ran| ran.status.success()), "taskset (package util-linux) is missing");
    }

    /// nginx with a page of about 10 KiB, which names the person of the session in a field.
    pub fn origin(&self, folder: &Path) -> Proxy {
        let own = folder.join("origin");
        std::fs::create_dir_all(&own).expect("a folder");
        let row = "<tr><th scope=\"row\">申請番号</th><td>2026-000123</td><td>受付済み</td></tr>\n";
        let page = format!(
            "<!doctype html>\n<html lang=\"ja\">\n<head>\n<meta charset=\"utf-8\">\n<title>マイページ</title>\n</head>\n<body>\n\
             <table>\n{}</table>\n</body>\n</html>\n",
            row.repeat(10 * 1024 / row.len())
        );
        std::fs::write(own.join("page"), page).expect("written");
        let address = free();
        let serves = format!(
            "server {{ listen {address}; root {}; location / {{ default_type 'text/html; charset=utf-8'; \
             add_header X-Subject $cookie_sid; try_files /page =404; }} }} open_file_cache max=8;",
            own.display()
        );
        let program = self.nginx_with(&own, &serves, false);
        program.answers(address);
        Proxy { kind: Kind::Direct, address, program: Some(program) }
    }

    pub fn proxy(&self, kind: Kind, origin: &Proxy, folder: &Path) -> Proxy {
        let (address, own) = (free(), folder.join(format!("{kind:?}")));
        std::fs::create_dir_all(&own).expect("a folder");
        let origin = origin.address;
        let program = match kind {
            Kind::Direct => return Proxy { kind, address: origin, program: None },
            Kind::Nginx => {
                let serves = format!(
                    "upstream origin {{ server {origin}; keepalive 256; keepalive_requests 100000000; }} \
                     server {{ listen {address}; location / {{ proxy_pass http://origin; proxy_http_version 1.1; \
                     proxy_set_header Connection ''; proxy_set_header Host $http_host; }} }}"
                );
                self.nginx_with(&own, &serves, true)
            }
            Kind::HaProxy => {
                let config = format!(
                    "global\n  nbthread 1\n  maxconn 15000\n  no strict-limits\n\
                     defaults\n  mode http\n  timeout connect 5s\n  timeout client 600s\n  timeout server 60s\n  \
                     timeout http-keep-alive 600s\n  timeout http-request 600s\n  http-reuse always\n  maxconn 15000\n\
                     frontend all\n  bind {address}\n  default_backend origin\n\
                     backend origin\n  server origin {origin} pool-max-conn 256\n"
                );
                let file = own.join("haproxy.cfg");
                std::fs::write(&file, config).expect("written");
                self.start(Command::new(&self.haproxy).arg("-db").arg("-f").arg(file), true)
            }
            Kind::Guard | Kind::Rewriting | Kind::Sessions => {
                std::fs::write(own.join("system.yaml"), manifest(kind == Kind::Sessions)).expect("written");
                let mut guard = Command::new(env!("CARGO_BIN_EXE_suimon"));
                guard.args(["guard", "--manifests", "system.yaml", "--patience", "head=600"]);
                guard.args(["--listen", &address.to_string(), "--origin", &format!("http://{origin}")]);
                if kind == Kind::Rewriting {
                    guard.args(["--key-file", "guard.key", "--tripwire", "enforce"]);
                }
                self.start(guard.current_dir(&own), true)
            }
        };
        program.answers(address);
        Proxy { kind, address, program: Some(program) }
    }

    /// One process with one thread, whose connections do not end by themselves.
    fn nginx_with(&self, own: &Path, serves: &str, is_alone: bool) -> Running {
        let main = format!(
            "daemon off; master_process off; error_log stderr error; pid {0}/pid; events {{ worker_connections 15000; }} \
             http {{ access_log off; keepalive_timeout 600s; keepalive_requests 100000000; client_body_temp_path {0}/b; \
             proxy_temp_path {0}/p; fastcgi_temp_path {0}/f; uwsgi_temp_path {0}/u; scgi_temp_path {0}/s; {serves} }}",
            own.display()
        );
        let file = own.join("nginx.conf");
        std::fs::write(&file, main).expect("written");
        self.start(Command::new(&self.nginx).arg("-c").arg(file), is_alone)
    }

    /// On the proxies' processor, or with the origin and the clients.
    fn start(&self, command: &mut Command, is_alone: bool) -> Running {
        let on = if is_alone { self.alone.to_string() } else { self.rest.clone() };
        let mut pinned = Command::new("taskset");
        pinned.args(["-c", &on]).arg(command.get_program()).args(command.get_args());
        // What is set for the bench is no configuration of the guard.
        let ours = std::env::vars_os().map(|(name, _)| name);
        for name in ours.filter(|name| name.to_string_lossy().starts_with("SUIMON_")) {
            pinned.env_remove(name);
        }
        if let Some(folder) = command.get_current_dir() {
            pinned.current_dir(folder);
        }
        let mut child =
            pinned.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let errors = BufReader::new(child.stderr.take().expect("piped"));
        let said = Arc::new(Mutex::new(String::new()));
        let heard = said.clone();
        // Taken so that nobody waits to say something.
        std::thread::spawn(move || {
            for line in errors.lines().map_while(Result::ok) {
                *heard.lock().expect("nobody panics with it") += &format!("{line}\n");
            }
        });
        Running { child, said }
    }
}

/// A system with one personal route.
fn manifest(sessions: bool) -> String {
    let stated = "\
apiVersion: suimon/v1
kind: System
metadata: { name: portal }
spec:
  title: { ja: 申請, en: Applications }
  operator: { name: { ja: 会社, en: Company } }
  timeZone: Asia/Tokyo
  tenantsKind: { ja: 部署, en: Office }
  recordTypes:
    - name: person
      title: { ja: 人, en: Person }
      externalId: Number
      fields:
        - name: name
          title: { ja: 氏名, en: Name }
          category: name
          protection: encrypted
          kind: name
          retention: P1Y
  routes:
    - { name: mypage, pattern: /mypage/**, personal: true, shows: [{ recordType: person }] }
";
    let sessions = if sessions { "  sessions: { cookies: [sid], subjectHeader: X-Subject }\n" } else { "" };
    format!("{stated}{sessions}")
}

/// An address that was free a moment ago.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port")
}

/// Of a list such as `0-1,4`.
fn processors(list: &str) -> Option<Vec<usize>> {
    let mut all = Vec::new();
    for part in list.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        all.extend(first.parse::<usize>().ok()?..=last.parse().ok()?);
    }
    Some(all)
}
