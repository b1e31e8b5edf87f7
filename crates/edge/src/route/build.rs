//! From declared rules to a table.

use std::collections::HashSet;

use http::{HeaderValue, header};

use super::pattern::Pattern;
use super::table::{Route, RouteTable};
use super::tree::Tree;
use crate::error::{RuleError, shown};
use crate::rules::{Caching, Class, Lifetime, MAX_LIST, MAX_NAME, MAX_ROUTES, MAX_SECONDS, RouteRule, Rules};

impl RouteTable {
    /// Compiles the rules.
    ///
    /// # Errors
    /// All faults at once, in the order of the routes.
    pub fn compile(rules: Rules) -> Result<Self, Vec<RuleError>> {
        let Rules { routes: declared, undeclared } = rules;
        if declared.len() > MAX_ROUTES {
            return Err(vec![RuleError::new(
                "routes",
                format!("{} routes, more than {MAX_ROUTES}", declared.len()),
                "join routes under a common `**` pattern",
            )]);
        }
        let mut faults = Vec::new();
        let mut names = HashSet::new();
        let mut routes = Vec::with_capacity(declared.len());
        for (at, rule) in declared.into_iter().enumerate() {
            if !names.insert(rule.name.clone()) {
                faults.push(RuleError::new(
                    format!("routes[{at}].name"),
                    format!("`{}` is the name of two routes", shown(&rule.name)),
                    "give each route its own name",
                ));
            }
            match compile_route(at, rule) {
                Ok(route) => routes.push(route),
                Err(found) => faults.extend(found),
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        // Stable, so that routes of equal patterns keep the order of the manifest within their class.
        routes.sort_by(|a, b| {
            b.pattern.specificity(&a.pattern).then_with(|| b.is_personal().cmp(&a.is_personal()))
        });
        let folded_patterns: Vec<Pattern> = routes.iter().map(|route| route.pattern.folded()).collect();
        let (mut exact, mut folded) = (Tree::new(), Tree::new());
        let mut rank = 0;
        for at in 0..routes.len() {
            if at > 0 && routes[at].pattern.specificity(&routes[at - 1].pattern).is_ne() {
                rank += 1;
            }
            routes[at].rank = rank;
            let id = u32::try_from(at).unwrap_or(u32::MAX); // at most MAX_ROUTES
            exact.insert(&routes[at].pattern, id);
            folded.insert(&folded_patterns[at], id);
        }
        for at in 0..routes.len() {
            if !routes[at].is_personal() {
                routes[at].contested_by = contests(at, &routes, &folded_patterns);
            }
        }
        let strictest = routes.iter().map(|route| route.mode).fold(undeclared, Ord::max);
        Ok(Self { routes, exact, folded, undeclared, strictest })
    }
}

fn contests(public: usize, routes: &[Route], folded: &[Pattern]) -> Box<[u32]> {
    let mut found = Vec::new();
    for (at, route) in routes.iter().enumerate() {
        if route.rank > routes[public].rank {
            break;
        }
        if route.is_personal() && folded[at].meets(&folded[public]) {
            found.push(u32::try_from(at).unwrap_or(u32::MAX)); // at most MAX_ROUTES
        }
    }
    found.into()
}

fn compile_route(at: usize, rule: RouteRule) -> Result<Route, Vec<RuleError>> {
    let RouteRule { name, pattern: text, class, methods, suffixes, mode } = rule;
    let mut faults = Vec::new();
    let mut fault = |field: &str, fault: String, remedy| {
        faults.push(RuleError::new(format!("routes[{at}].{field}"), fault, remedy));
    };
    if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        fault(
            "name",
            format!(
                "`{}` is empty, longer than {MAX_NAME} characters or has a control character",
                shown(&name)
            ),
            "name the route in a few words",
        );
    }
    if methods.len() > MAX_LIST || suffixes.len() > MAX_LIST {
        fault("methods", format!("more than {MAX_LIST} methods or suffixes"), "list fewer");
    }
    let mut lowered: Vec<Box<str>> = Vec::new();
    for suffix in suffixes {
        if suffix.is_empty() || suffix.len() > 16 || !suffix.bytes().all(|byte| byte.is_ascii_alphanumeric())
        {
            fault(
                "suffixes",
                format!("`{}` is not 1 to 16 letters and digits", shown(&suffix)),
                "write it without its dot: `pdf`",
            );
        } else {
            lowered.push(suffix.to_ascii_lowercase().into());
        }
    }
    let cache_control = match &class {
        Class::Public(Caching::Shared(lifetime)) => match cache_control(lifetime) {
            Ok(value) => Some(value),
            Err((text, remedy)) => {
                fault("class", text, remedy);
                None
            }
        },
        Class::Public(Caching::Origin | Caching::NoStore) | Class::Personal => None,
    };
    let pattern = match Pattern::parse(&text) {
        Ok(pattern) => pattern,
        Err(reason) => {
            fault("pattern", format!("`{}` {reason}", shown(&text)), "write the path as `/a/*/b` or `/a/**`");
            return Err(faults);
        }
    };
    if !faults.is_empty() {
        return Err(faults);
    }
    Ok(Route {
        name: name.into(),
        pattern,
        text: text.into(),
        class,
        methods: methods.into(),
        suffixes: lowered.into(),
        mode,
        rank: 0,
        contested_by: Box::default(),
        cache_control,
    })
}

fn cache_control(lifetime: &Lifetime) -> Result<HeaderValue, (String, &'static str)> {
    let Lifetime {
        max_age,
        s_maxage,
        stale_while_revalidate,
        stale_if_error,
        must_revalidate,
        immutable,
        vary,
    } = lifetime;
    let mut text = format!("public, max-age={max_age}");
    let mut longest = *max_age;
    for (name, seconds) in [
        ("s-maxage", s_maxage),
        ("stale-while-revalidate", stale_while_revalidate),
        ("stale-if-error", stale_if_error),
    ] {
        if let Some(seconds) = seconds {
            text.push_str(&format!(", {name}={seconds}"));
            longest = longest.max(*seconds);
        }
    }
    if longest > MAX_SECONDS {
        return Err((format!("a lifetime of {longest} s"), "2147483647 s is the longest that caches hold"));
    }
    if *must_revalidate {
        text.push_str(", must-revalidate");
    }
    if *immutable {
        text.push_str(", immutable");
    }
    if vary.len() > MAX_LIST {
        return Err((format!("varies by more than {MAX_LIST} headers"), "list fewer"));
    }
    if let Some(name) = vary.iter().find(|&name| name == header::COOKIE || name == header::AUTHORIZATION) {
        return Err((format!("a public response that varies by `{name}`"), "declare the route personal"));
    }
    // Digits and directive names only.
    HeaderValue::try_from(text).map_err(|_| ("directives".to_owned(), "report this: it cannot happen"))
}
