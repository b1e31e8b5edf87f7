//! The caches themselves: each is started on a free port in a folder of its own and ended by its own id.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use crate::probes::Visitors;
use crate::{configurations, exported};

/// How long a cache may take to answer for the first time, on a busy machine: Varnish has its rules compiled.
const START: Duration = Duration::from_secs(40);
/// How long one look at it may take.
const TRY: Duration = Duration::from_secs(2);
/// How long a cache may take to keep what it was given.
const KEPT: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    Nginx,
    Varnish,
    Squid,
    TrafficServer,
    Httpd,
    Haproxy,
}

/// What stands between the cache and one person's page, beside the cache's own configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// The system alone.
    Nothing,
    /// The guard before the system.
    Guard,
    /// The guard, and of the exported rules only that which compares tags.
    Binding,
    /// The guard, and the exported rules within the cache.
    Export,
    /// The exported rules without a guard.
    ExportAlone,
}

impl Layer {
    pub fn has_guard(self) -> bool {
        matches!(self, Self::Guard | Self::Binding | Self::Export)
    }

    pub fn title(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Guard => "guard",
            Self::Binding => "guard, binding",
            Self::Export => "guard, export",
            Self::ExportAlone => "export",
        }
    }
}

/// One way to set up a cache.
pub struct Configuration {
    pub id: &'static str,
    /// In a few words, for the table.
    pub says: &'static str,
    /// The lines that make it, in the program's own language.
    pub lines: &'static str,
}

/// Where a cache is to listen, whom to ask, and its folder.
pub struct Place<'a> {
    pub listen: u16,
    pub upstream: u16,
    pub folder: &'a Path,
}

impl Program {
    pub fn title(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Varnish => "Varnish",
            Self::Squid => "Squid",
            Self::TrafficServer => "Traffic Server",
            Self::Httpd => "httpd",
            Self::Haproxy => "HAProxy",
        }
    }

    /// Its file, and the package of Debian that brings it.
    fn file_and_package(self) -> (&'static str, &'static str) {
        match self {
            Self::Nginx => ("nginx", "nginx"),
            Self::Varnish => ("varnishd", "varnish"),
            Self::Squid => ("squid", "squid"),
            Self::TrafficServer => ("traffic_server", "trafficserver"),
            Self::Httpd => ("apache2", "apache2-bin"),
            Self::Haproxy => ("haproxy", "haproxy"),
        }
    }

    fn found(self) -> PathBuf {
        let (file, package) = self.file_and_package();
        let folders = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"];
        let found = folders.iter().map(|folder| Path::new(folder).join(file)).find(|path| path.exists());
        // What was not run was not tested.
        found.unwrap_or_else(|| panic!("{file} is not installed (Debian: apt-get install -y {package})"))
    }

    pub fn configurations(self) -> &'static [Configuration] {
        match self {
            Self::Nginx => &configurations::NGINX,
            Self::Varnish => &configurations::VARNISH,
            Self::Squid => &configurations::SQUID,
            Self::TrafficServer => &configurations::TRAFFIC_SERVER,
            Self::Httpd => &configurations::HTTPD,
            Self::Haproxy => &configurations::HAPROXY,
        }
    }

    pub fn layers(self) -> &'static [Layer] {
        match self {
            // It cannot compare a tag with a cookie.
            Self::Nginx => &[Layer::Nothing, Layer::Guard, Layer::Export, Layer::ExportAlone],
            Self::Varnish => {
                &[Layer::Nothing, Layer::Guard, Layer::Binding, Layer::Export, Layer::ExportAlone]
            }
            Self::Squid | Self::TrafficServer | Self::Httpd | Self::Haproxy => {
                &[Layer::Nothing, Layer::Guard]
            }
        }
    }

    /// The command that runs it until it is killed; writes what it reads.
    fn command(self, configuration: &Configuration, layer: Layer, place: &Place<'_>) -> Command {
        let mut command = Command::new(self.found());
        let folder = place.folder;
        let lines = configuration.lines;
        match self {
            Self::Nginx => {
                let conf = folder.join("nginx.conf");
                write(&conf, &configurations::nginx(lines, &exported::nginx(layer, folder), place));
                command.arg("-e").arg(folder.join("error.log")).arg("-c").arg(conf);
            }
            Self::Varnish => {
                let conf = folder.join("main.vcl");
                write(&conf, &configurations::varnish(lines, &exported::varnish(layer), place));
                command.args(["-F", "-j", "none", "-T", "none", "-s", "malloc,16m", "-a"]);
                command.arg(format!("127.0.0.1:{}", place.listen)).arg("-n").arg(folder.join("n"));
                // It is compiled once for a few hundred requests.
                command.args(["-p", "cc_command=exec gcc -O0 -g0 -w -fPIC -shared -o %o %s"]);
                command.arg("-f").arg(conf);
            }
            Self::Squid => {
                let conf = folder.join("squid.conf");
                write(&conf, &configurations::squid(lines, place));
                // Its name makes that of its shared memory.
                command.args(["-N", "-n", &format!("caches{}", place.listen), "-f"]).arg(conf);
            }
            Self::TrafficServer => {
                for (name, text) in configurations::traffic_server(lines, place) {
                    write(&folder.join(name), &text);
                }
                command.arg(format!("--run-root={}", folder.join("runroot.yaml").display()));
            }
            Self::Httpd => {
                let conf = folder.join("httpd.conf");
                write(&conf, &configurations::httpd(lines, place));
                command.arg("-X").arg("-f").arg(conf);
            }
            Self::Haproxy => {
                let conf = folder.join("haproxy.cfg");
                write(&conf, &configurations::haproxy(lines, place));
                command.arg("-db").arg("-f").arg(conf);
            }
        }
        let output = std::fs::File::create(folder.join("output")).expect("a temporary folder takes files");
        let errors = output.try_clone().expect("a file can be had twice");
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        command
    }
}

fn named(program: Program, configuration: &Configuration, layer: Layer) -> String {
    format!("{} {} ({})", program.title(), configuration.id, layer.title())
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).expect("a temporary folder takes files");
}

/// Listens on a port that nobody has now and nobody gets later in this run, below those that systems give to whoever connects (from 32768
/// on): there it might be taken before a cache comes up, or after a system broke down, even by the very connection that looks for it.
pub fn free_listener() -> (std::net::TcpListener, SocketAddr) {
    const FIRST: u16 = 20_000;
    const COUNT: u64 = 10_000;
    static NEXT: AtomicU64 = AtomicU64::new(0);
    // Runs at the same time begin far from each other, although their ids are neighbours (multiplicative hashing).
    let begin = (u64::from(std::process::id().wrapping_mul(2_654_435_769)) * COUNT) >> 32;
    for _ in 0..COUNT {
        let offset = (begin + NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT;
        let port = FIRST + u16::try_from(offset).expect("below 10000");
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if let Ok(listener) = std::net::TcpListener::bind(address) {
            listener.set_nonblocking(true).expect("a socket can be told not to wait");
            return (listener, address);
        }
    }
    panic!("no port is free from {FIRST} on");
}

/// A cache that runs until it is dropped.
pub struct Cache {
    pub visitors: Visitors,
    program: Program,
    child: Child,
    // After the child, which may still write.
    folder: TempDir,
}

impl Cache {
    /// Starts it in front of this address and waits until it answers and keeps what everybody may have.
    pub async fn start(
        program: Program,
        configuration: &Configuration,
        layer: Layer,
        upstream: SocketAddr,
    ) -> Self {
        let name = named(program, configuration, layer);
        // Between our look at a free port and the start somebody else may take it.
        for _ in 0..5 {
            let (listener, address) = free_listener();
            drop(listener);
            let mut cache = Self::spawn(program, configuration, layer, address, upstream);
            if cache.answers(&name).await {
                cache.keeps(&name).await;
                return cache;
            }
        }
        panic!("{name} found no port of its own");
    }

    fn spawn(
        program: Program,
        configuration: &Configuration,
        layer: Layer,
        address: SocketAddr,
        upstream: SocketAddr,
    ) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        // Some give up root for a user of their own.
        let all = std::fs::Permissions::from_mode(0o777);
        std::fs::set_permissions(folder.path(), all.clone()).expect("the folder is ours");
        for name in configurations::FOLDERS {
            let path = folder.path().join(name);
            std::fs::create_dir(&path).expect("a temporary folder takes folders");
            std::fs::set_permissions(&path, all.clone()).expect("the folder is ours");
        }
        let place = Place { listen: address.port(), upstream: upstream.port(), folder: folder.path() };
        let child = program.command(configuration, layer, &place).spawn().expect("it can be started");
        let name = named(program, configuration, layer);
        Self { visitors: Visitors::new(address, layer.has_guard(), name), program, child, folder }
    }

    /// Whether it takes a port that somebody else has for its own.
    pub async fn believes_in_a_taken_port(program: Program) -> bool {
        let (_taken, address) = free_listener();
        let configuration = &program.configurations()[0];
        Self::spawn(program, configuration, Layer::Nothing, address, address).answers(program.title()).await
    }

    fn output(&self) -> String {
        let files = ["output", "error.log", "cache.log", "log/diags.log"];
        let texts =
            files.iter().filter_map(|name| std::fs::read_to_string(self.folder.path().join(name)).ok());
        texts.collect::<Vec<_>>().join("\n")
    }

    /// False when somebody else has its port.
    async fn answers(&mut self, name: &str) -> bool {
        let until = tokio::time::Instant::now() + START;
        loop {
            let ended = self.child.try_wait().expect("it is our child");
            let output = self.output();
            // Traffic Server says so and goes on without a port.
            if output.to_lowercase().contains("address already in use") {
                return false;
            }
            assert!(ended.is_none(), "{name} ended: {ended:?}\n{output}");
            // Whoever has its port may listen and never answer.
            let asked = tokio::time::timeout(TRY, self.visitors.try_to_get("/assets/start.css")).await;
            if asked.is_ok_and(|seen| seen.is_ok_and(|seen| seen.is_asset())) {
                return true;
            }
            assert!(tokio::time::Instant::now() < until, "{name} does not answer\n{}", self.output());
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }

    /// A cache that keeps nothing would be safe, and say nothing.
    async fn keeps(&self, name: &str) {
        let until = tokio::time::Instant::now() + KEPT;
        loop {
            let first = self.visitors.get("/assets/app.css").await;
            let second = self.visitors.get("/assets/app.css").await;
            if first.is_asset() && first.body == second.body {
                return;
            }
            assert!(tokio::time::Instant::now() < until, "{name} keeps nothing\n{}", self.output());
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        if self.program == Program::Squid {
            // It takes its shared memory away when it is asked to go, and not when it is killed.
            let pid = self.child.id().to_string();
            let _ = Command::new("kill").args(["-TERM", &pid]).status();
            for _ in 0..100 {
                if !matches!(self.child.try_wait(), Ok(None)) {
                    return;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
