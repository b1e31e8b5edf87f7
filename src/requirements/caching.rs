//! Requirements about caching as the rules that the guard keeps.
//!
//! A personal route is kept from caches whether or not a requirement says so: what nobody wrote down was the founding mistake. A
//! requirement can only say how strictly, and what public routes declare.

use edge::{Caching, Class, Lifetime, RouteRule, Rules};

use super::manifest::{CacheParams, Enforcement, Mode, Params, RequirementSpec, Route, SystemSpec, Target};
use super::manifest::{Method, RouteClass};

/// The rules of a system's routes under its requirements. Of several about one route the strictest mode holds, and among those of
/// that mode the one that lets caches keep least.
pub fn caching_rules<'a>(
    system: &SystemSpec,
    requirements: impl IntoIterator<Item = &'a RequirementSpec>,
) -> Rules {
    let stated: Vec<Stated<'_>> = requirements.into_iter().filter_map(Stated::read).collect();
    let undeclared = strictest(stated.iter().filter(|one| is_about_undeclared(one.target)));
    let routes = system.routes.iter().map(|route| rule(route, &stated)).collect();
    Rules { routes, undeclared: mode(undeclared) }
}

/// A requirement about caching.
struct Stated<'a> {
    target: &'a Target,
    mode: Mode,
    params: &'a CacheParams,
}

impl<'a> Stated<'a> {
    fn read(requirement: &'a RequirementSpec) -> Option<Self> {
        let Enforcement { mode, params } = requirement.enforcement.as_ref()?;
        let Params::Cache(params) = params else { return None };
        Some(Self { target: &requirement.target, mode: *mode, params })
    }
}

/// Whether a requirement about caching with this target speaks of a route.
pub fn is_about(target: &Target, route: &Route) -> bool {
    match target {
        Target::System => true,
        Target::Routes(class) => (*class == RouteClass::Personal) == route.personal,
        Target::Route(name) => *name == route.name,
        Target::Record(_) | Target::Field { .. } | Target::Operation(_) => false,
    }
}

/// The same for paths that no route covers: they are personal.
pub fn is_about_undeclared(target: &Target) -> bool {
    matches!(target, Target::System | Target::Routes(RouteClass::Personal))
}

fn rule(route: &Route, stated: &[Stated<'_>]) -> RouteRule {
    let about: Vec<&Stated<'_>> = stated.iter().filter(|one| is_about(one.target, route)).collect();
    let strictest = strictest(about.iter().copied());
    let holding = about.iter().filter(|one| Some(one.mode) == strictest).map(|one| one.params);
    let class = if route.personal {
        Class::Personal
    } else {
        let caching = holding.fold(None, |least: Option<Caching>, params| {
            Some(match (least, params) {
                (Some(Caching::NoStore), _) | (_, CacheParams::NoStore {}) => Caching::NoStore,
                (Some(Caching::Shared(kept)), CacheParams::Public { max_age }) => {
                    shared(kept.max_age.min(*max_age))
                }
                (Some(Caching::Origin) | None, CacheParams::Public { max_age }) => shared(*max_age),
            })
        });
        Class::Public(caching.unwrap_or(Caching::Origin))
    };
    let Route { name, pattern, personal: _, methods, suffixes, shows: _ } = route;
    RouteRule {
        name: name.clone(),
        pattern: pattern.clone(),
        class,
        methods: methods.iter().map(|method| method_of(*method)).collect(),
        suffixes: suffixes.clone(),
        mode: mode(strictest),
    }
}

fn shared(max_age: u32) -> Caching {
    Caching::Shared(Lifetime { max_age, ..Lifetime::default() })
}

fn strictest<'a, 'b: 'a>(stated: impl Iterator<Item = &'a Stated<'b>>) -> Option<Mode> {
    stated.map(|one| one.mode).max_by_key(|stated| mode(Some(*stated)))
}

/// What nobody stated is enforced.
fn mode(stated: Option<Mode>) -> edge::Mode {
    match stated {
        Some(Mode::Observe) => edge::Mode::Observe,
        Some(Mode::Audit) => edge::Mode::Audit,
        Some(Mode::Enforce) | None => edge::Mode::Enforce,
    }
}

fn method_of(method: Method) -> http::Method {
    match method {
        Method::Get => http::Method::GET,
        Method::Head => http::Method::HEAD,
        Method::Post => http::Method::POST,
        Method::Put => http::Method::PUT,
        Method::Patch => http::Method::PATCH,
        Method::Delete => http::Method::DELETE,
        Method::Options => http::Method::OPTIONS,
    }
}
