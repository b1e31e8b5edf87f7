//! Caches that are set up wrongly, in front of a guard.

use std::net::SocketAddr;

use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::scene::{free_port, listening, program};

/// A cache that runs until it is dropped.
pub struct Cache {
    pub port: u16,
    _process: Child,
    _folder: TempDir,
}

fn start(mut command: Command) -> Child {
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).kill_on_drop(true);
    command.spawn().expect("the cache starts")
}

/// nginx that keeps every page of `/mypage` for a minute, whatever its headers say, under this key.
pub async fn nginx(guard: SocketAddr, key: &str) -> Cache {
    let folder = tempfile::tempdir().unwrap();
    let (at, port) = (folder.path().display(), free_port());
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {at}/{name};\n"))
        .concat();
    let text = format!(
        "daemon off; master_process off; pid {at}/pid; error_log stderr;
        events {{}}
        http {{
            access_log off;
            {temporary}
            proxy_cache_path {at}/cache keys_zone=pages:1m;
            server {{
                listen 127.0.0.1:{port};
                proxy_set_header Host $http_host;
                location / {{ proxy_pass http://{guard}; }}
                location /mypage {{
                    proxy_pass http://{guard};
                    proxy_cache pages;
                    proxy_cache_key {key};
                    proxy_cache_valid 200 60s;
                    proxy_ignore_headers Cache-Control Expires Set-Cookie Vary X-Accel-Expires;
                }}
            }}
        }}"
    );
    let file = folder.path().join("nginx.conf");
    std::fs::write(&file, text).unwrap();
    let mut command = Command::new(program(&["nginx"], "nginx"));
    command.arg("-p").arg(folder.path()).arg("-c").arg(&file).args(["-e", "stderr"]);
    let process = start(command);
    listening(port).await;
    Cache { port, _process: process, _folder: folder }
}

/// Varnish that looks pages of `/mypage` up although there are cookies, and keeps them for a minute, whatever their headers say.
pub async fn varnish(guard: SocketAddr) -> Cache {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let text = format!(
        "vcl 4.1;
        backend default {{ .host = \"{}\"; .port = \"{}\"; }}
        sub vcl_recv {{
            if (req.method == \"GET\" && req.url ~ \"^/mypage\") {{ return (hash); }}
            return (pass);
        }}
        sub vcl_backend_response {{
            if (bereq.url ~ \"^/mypage\") {{
                unset beresp.http.Vary;
                unset beresp.http.Set-Cookie;
                set beresp.ttl = 60s;
                set beresp.uncacheable = false;
                return (deliver);
            }}
        }}",
        guard.ip(),
        guard.port()
    );
    let file = folder.path().join("leak.vcl");
    std::fs::write(&file, text).unwrap();
    let mut command = Command::new(program(&["varnishd"], "varnish"));
    command.args(["-F", "-j", "none", "-s", "malloc,16m", "-a", &format!("127.0.0.1:{port}")]);
    command.arg("-f").arg(&file).arg("-n").arg(folder.path().join("work"));
    let process = start(command);
    listening(port).await;
    Cache { port, _process: process, _folder: folder }
}
