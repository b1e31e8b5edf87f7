//! The rules of the system, for the guard and in the words of nginx and Varnish.

use std::path::Path;

use edge::export::{Options, nginx as to_nginx, varnish as to_varnish};
use edge::{Caching, Lifetime, Mode, RouteRule, RouteTable, Rules};

use crate::programs::Layer;

/// What the system's manifest would state.
pub fn rules() -> Rules {
    let minute = Caching::Shared(Lifetime { max_age: 60, ..Lifetime::default() });
    let routes = vec![
        RouteRule::personal("mypage", "/mypage/**"),
        RouteRule::personal("api", "/api/**"),
        RouteRule::personal("login", "/login/**"),
        RouteRule::public("assets", "/assets/**", minute),
        RouteRule::public("news", "/news/**", Caching::Origin),
        RouteRule::public("notices", "/notices/**", Caching::NoStore),
        // The public number, for an edge to keep it: the guard itself answers there.
        RouteRule::public("number", "/.well-known/suimon/guard/status/**", Caching::Origin),
    ];
    Rules { routes, undeclared: Mode::Enforce }
}

fn table() -> RouteTable {
    RouteTable::compile(rules()).expect("the rules hold")
}

fn options(identity_binding: bool) -> Options {
    Options { name: "portal".to_owned(), identity_binding }
}

/// What is included in `http` and in each location; nothing where this layer has no exported rules.
pub fn nginx(layer: Layer, folder: &Path) -> [String; 2] {
    if !matches!(layer, Layer::Export | Layer::ExportAlone) {
        return [String::new(), String::new()];
    }
    let bundle = to_nginx(&table(), &options(false)).expect("a plain name");
    ["suimon-portal-http.conf", "suimon-portal-location.conf"].map(|name| {
        let path = folder.join(name);
        std::fs::write(&path, bundle.file(name).expect("the file")).expect("a temporary folder takes files");
        format!("include {};", path.display())
    })
}

/// What comes before the cache's own code.
pub fn varnish(layer: Layer) -> String {
    let vcl = |binding| {
        let bundle = to_varnish(&table(), &options(binding)).expect("a plain name");
        bundle.file("suimon-portal.vcl").expect("the file").replace("vcl 4.1;", "")
    };
    match layer {
        Layer::Nothing | Layer::Guard => String::new(),
        Layer::Export => vcl(true),
        Layer::ExportAlone => vcl(false),
        Layer::Binding => {
            // As when the cache's own code takes every decision about keeping, before ours or over it.
            let all = vcl(true);
            let (classify, rest) = all.split_once("sub vcl_recv {").expect("the requests' part");
            let (_, deliver) = rest.split_once("sub vcl_deliver {").expect("the answers' part");
            format!("{classify}sub vcl_recv {{ call suimon_portal_classify; }}\nsub vcl_deliver {{{deliver}")
        }
    }
}
