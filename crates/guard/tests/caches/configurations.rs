//! The configurations: defaults, and what people write when a page is slow.

use std::fmt::Write as _;

use crate::programs::{Configuration, Place};

/// Folders that the programs find in their own.
pub const FOLDERS: [&str; 5] = ["etc", "run", "log", "cache", "bodies"];

macro_rules! configurations {
    ($($id:literal $says:literal $lines:expr;)*) => {
        [$(Configuration { id: $id, says: $says, lines: $lines },)*]
    };
}

const VALID: &str = "proxy_cache_valid 200 60s;";
const ALL: &str = "proxy_cache_valid 200 60s; \
    proxy_ignore_headers Cache-Control Expires Set-Cookie Vary X-Accel-Expires;";
macro_rules! all_and {
    ($more:literal) => {
        concat!(
            "proxy_cache_valid 200 60s; \
             proxy_ignore_headers Cache-Control Expires Set-Cookie Vary X-Accel-Expires; ",
            $more
        )
    };
}

/// Lines of the location that is cached.
pub const NGINX: [Configuration; 15] = configurations! {
    "N00" "`proxy_cache` and nothing else" "";
    "N01" "`proxy_cache_valid 200 60s`" VALID;
    "N02" "N01, ignores `Cache-Control`, `Expires`"
        "proxy_cache_valid 200 60s; proxy_ignore_headers Cache-Control Expires;";
    "N03" "N02, ignores `Set-Cookie` too"
        "proxy_cache_valid 200 60s; proxy_ignore_headers Cache-Control Expires Set-Cookie;";
    "N04" "N03, ignores `Vary` too"
        "proxy_cache_valid 200 60s; proxy_ignore_headers Cache-Control Expires Set-Cookie Vary;";
    "N06" "N04, ignores `X-Accel-Expires` too: every header" ALL;
    "N07" "N06, the session cookie in the key" all_and!("proxy_cache_key $request_uri$cookie_sid;");
    "N08" "N06, bypass and no store for cookie and `Authorization`"
        all_and!("proxy_cache_bypass $cookie_sid $http_authorization; proxy_no_cache $cookie_sid $http_authorization;");
    "N09" "N06, bypass without no store" all_and!("proxy_cache_bypass $cookie_sid $http_authorization;");
    "N10" "N06, another cookie's name in the key" all_and!("proxy_cache_key $request_uri$cookie_session;");
    "N11" "N06 for one second, with `proxy_cache_lock`"
        "proxy_cache_valid 200 1s; proxy_cache_lock on; \
         proxy_ignore_headers Cache-Control Expires Set-Cookie Vary X-Accel-Expires;";
    "N12" "N06, the key without the query" all_and!("proxy_cache_key $uri;");
    "N13" "N06, POST cached" all_and!("proxy_cache_methods GET HEAD POST;");
    "N14" "N06, another cookie's name in bypass and no store"
        all_and!("proxy_cache_bypass $cookie_session; proxy_no_cache $cookie_session;");
    "N20" "N06 for `*.css`, `*.js`, `*.png` only" FILES_ONLY;
};

/// Stands for a location of its own.
const FILES_ONLY: &str = "#files";

pub fn nginx(lines: &str, [http, location]: &[String; 2], place: &Place<'_>) -> String {
    let Place { listen, upstream, folder } = place;
    let folder = folder.display();
    let pass = format!("proxy_pass http://127.0.0.1:{upstream}; proxy_set_header Host $http_host;");
    let cached = |lines: &str| format!("{pass} proxy_cache z; {lines} {location}");
    let locations = if lines == FILES_ONLY {
        format!("location / {{ {pass} {location} }} location ~* \\.(css|js|png)$ {{ {} }}", cached(ALL))
    } else {
        format!("location / {{ {} }}", cached(lines))
    };
    format!(
        "daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{}}
http {{ access_log off; client_body_temp_path {folder}/bodies; proxy_temp_path {folder}/run; fastcgi_temp_path {folder}/run;
uwsgi_temp_path {folder}/run; scgi_temp_path {folder}/run; proxy_cache_path {folder}/cache keys_zone=z:1m;
{http}
server {{ listen 127.0.0.1:{listen}; {locations} }} }}\n"
    )
}

macro_rules! looks_up {
    ($($more:literal)*) => {
        concat!(
            "sub vcl_recv { if (req.method != \"GET\" && req.method != \"HEAD\") { return (pass); } return (hash); }\n",
            $($more,)*
        )
    };
}
macro_rules! keeps {
    ($ttl:literal) => {
        concat!(
            "sub vcl_backend_response { if (!bereq.uncacheable) { set beresp.ttl = ",
            $ttl,
            "; unset beresp.http.Vary; unset beresp.http.Set-Cookie; return (deliver); } }\n"
        )
    };
}

/// Subroutines of the operator.
pub const VARNISH: [Configuration; 8] = configurations! {
    "V00" "the built-in rules" "";
    "V01" "`return (hash)` in `vcl_recv`" looks_up!();
    "V12" "V01, `return (deliver)` in `vcl_backend_response`"
        looks_up!("sub vcl_backend_response { return (deliver); }\n");
    "V03" "V12, a lifetime of 60 s"
        looks_up!("sub vcl_backend_response { set beresp.ttl = 60s; return (deliver); }\n");
    "V04" "V03, without `Vary` and `Set-Cookie`: every header" concat!(looks_up!(), keeps!("60s"));
    "V05" "V04, cookie and `Authorization` in the hash"
        concat!(
            looks_up!("sub vcl_hash { hash_data(req.http.Cookie); hash_data(req.http.Authorization); }\n"),
            keeps!("60s")
        );
    "V09" "V04 for `*.css`, `*.js`, `*.png` only"
        "sub vcl_recv { if (req.url ~ \"\\.(css|js|png)(\\?|$)\") { return (hash); } }
sub vcl_backend_response { if (bereq.url ~ \"\\.(css|js|png)(\\?|$)\") {
    set beresp.ttl = 60s; unset beresp.http.Vary; unset beresp.http.Set-Cookie; return (deliver); } }\n";
    "V11" "V04 for one second" concat!(looks_up!(), keeps!("1s"));
};

pub fn varnish(lines: &str, exported: &str, place: &Place<'_>) -> String {
    let upstream = place.upstream;
    format!(
        "vcl 4.1;\nbackend default {{ .host = \"127.0.0.1\"; .port = \"{upstream}\"; }}\n{exported}\n{lines}"
    )
}

/// Lines of `squid.conf`.
pub const SQUID: [Configuration; 4] = configurations! {
    "S00" "accelerator, its default rules" "refresh_pattern . 0 20% 4320";
    "S01" "`refresh_pattern` of at least 10 min" "refresh_pattern . 10 20% 4320";
    "S02" "S01 with `override-expire`" "refresh_pattern . 10 20% 4320 override-expire";
    "S04" "S02 with `ignore-no-store ignore-private`"
        "refresh_pattern . 10 20% 4320 override-expire ignore-no-store ignore-private";
};

pub fn squid(lines: &str, place: &Place<'_>) -> String {
    let Place { listen, upstream, folder } = place;
    let folder = folder.display();
    format!(
        "http_port 127.0.0.1:{listen} accel defaultsite=portal.example no-vhost
cache_peer 127.0.0.1 parent {upstream} 0 no-query no-digest originserver login=PASSTHRU
http_access allow all
cache_mem 8 MB
pid_filename none
pinger_enable off
cache_log stdio:{folder}/cache.log
access_log none
shutdown_lifetime 0 seconds
coredump_dir {folder}
{lines}
"
    )
}

/// Lines of `cache.config`; those with `CONFIG` belong to `records.config`.
pub const TRAFFIC_SERVER: [Configuration; 4] = configurations! {
    "T00" "its default rules" "";
    "T01" "`ttl-in-cache=60s`" "url_regex=.* ttl-in-cache=60s";
    "T04" "T01, `cache_responses_to_cookies` 0"
        "url_regex=.* ttl-in-cache=60s\nCONFIG proxy.config.http.cache.cache_responses_to_cookies INT 0";
    "T05" "T01, `action=ignore-no-cache`"
        "url_regex=.* ttl-in-cache=60s\nurl_regex=.* action=ignore-no-cache";
};

pub fn traffic_server(lines: &str, place: &Place<'_>) -> [(&'static str, String); 6] {
    let Place { listen, upstream, folder } = place;
    let folder = folder.display();
    let runroot = format!(
        "prefix: {folder}\nexec_prefix: /usr\nbindir: /usr/bin\nsbindir: /usr/bin\nsysconfdir: {folder}/etc
datadir: {folder}/cache\nincludedir: /usr/include\nlibdir: /usr/lib/trafficserver
libexecdir: /usr/lib/trafficserver/modules\nlocalstatedir: {folder}/run\nruntimedir: {folder}/run
logdir: {folder}/log\ncachedir: {folder}/cache\n"
    );
    let mut records = format!(
        "CONFIG proxy.config.admin.user_id STRING nobody
CONFIG proxy.config.http.server_ports STRING {listen}:ip-in=127.0.0.1
CONFIG proxy.config.log.logging_enabled INT 0
CONFIG proxy.config.exec_thread.autoconfig INT 0
CONFIG proxy.config.exec_thread.limit INT 2
CONFIG proxy.config.crash_log_helper STRING NULL
CONFIG proxy.config.cache.ram_cache.size INT 8M
"
    );
    let (more, rules): (Vec<_>, Vec<_>) = lines.lines().partition(|line| line.starts_with("CONFIG"));
    for line in more {
        let _ = writeln!(records, "{line}");
    }
    [
        ("runroot.yaml", runroot),
        ("etc/records.config", records),
        ("etc/remap.config", format!("map / http://127.0.0.1:{upstream}/\n")),
        ("etc/storage.config", format!("{folder}/cache 32M\n")),
        ("etc/cache.config", format!("{}\n", rules.join("\n"))),
        (
            "etc/ip_allow.yaml",
            "ip_allow:\n  - apply: in\n    ip_addrs: 127.0.0.1\n    action: allow\n    methods: ALL\n"
                .to_owned(),
        ),
    ]
}

/// Directives of `mod_cache`.
pub const HTTPD: [Configuration; 3] = configurations! {
    "A00" "`CacheEnable disk /` and nothing else" "";
    "A01" "`CacheIgnoreNoLastMod On`" "CacheIgnoreNoLastMod On\nCacheDefaultExpire 60";
    "A03" "A01, `CacheStorePrivate`, `CacheStoreNoStore`, `CacheStoreExpired`, `CacheIgnoreCacheControl`"
        "CacheIgnoreNoLastMod On\nCacheDefaultExpire 60\nCacheStorePrivate On\nCacheStoreNoStore On
CacheStoreExpired On\nCacheIgnoreCacheControl On";
};

pub fn httpd(lines: &str, place: &Place<'_>) -> String {
    let Place { listen, upstream, folder } = place;
    let folder = folder.display();
    let modules = [
        ("mpm_event", "mod_mpm_event"),
        ("authz_core", "mod_authz_core"),
        ("unixd", "mod_unixd"),
        ("proxy", "mod_proxy"),
        ("proxy_http", "mod_proxy_http"),
        ("cache", "mod_cache"),
        ("cache_disk", "mod_cache_disk"),
    ];
    let mut conf = String::new();
    // Debian builds some of them in.
    for (name, file) in modules {
        let path = format!("/usr/lib/apache2/modules/{file}.so");
        if std::path::Path::new(&path).exists() {
            let _ = writeln!(conf, "LoadModule {name}_module {path}");
        }
    }
    let _ = write!(
        conf,
        "ServerRoot {folder}
PidFile {folder}/pid
Listen 127.0.0.1:{listen}
ServerName portal.example
ErrorLog {folder}/error.log
DefaultRuntimeDir {folder}/run
Mutex file:{folder}/run default
User www-data
Group www-data
CacheRoot {folder}/cache
CacheEnable disk /
ProxyPreserveHost On
ProxyPass / http://127.0.0.1:{upstream}/
{lines}
"
    );
    conf
}

/// Rules before the answer is stored.
pub const HAPROXY: [Configuration; 3] = configurations! {
    "HP00" "`cache-store` and `cache-use`" "";
    "HP01" "HP00, sets `Cache-Control: public, max-age=60` before"
        "http-response set-header Cache-Control \"public, max-age=60\"";
    "HP02" "HP01, deletes `Vary` before"
        "http-response set-header Cache-Control \"public, max-age=60\"\n  http-response del-header Vary";
};

pub fn haproxy(lines: &str, place: &Place<'_>) -> String {
    let Place { listen, upstream, folder: _ } = place;
    format!(
        "global
  maxconn 200
cache c
  total-max-size 8
  max-age 60
defaults
  mode http
  retries 0
  timeout client 20s
  timeout server 20s
  timeout connect 2s
frontend f
  bind 127.0.0.1:{listen}
  http-request cache-use c
  {lines}
  http-response cache-store c
  default_backend b
backend b
  server s 127.0.0.1:{upstream}
"
    )
}
