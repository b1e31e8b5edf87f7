//! What a system's manifest says of its sessions, as the guard's declaration.

use edge::Mode;
use guard::identity::{Carrier, Declaration, DeclarationError};
use http::HeaderName;

use super::super::Failure;
use super::super::caching::Files;
use crate::requirements::manifest::{self, Sessions};

/// The declaration; none where the system states no sessions.
pub fn declaration(files: &Files) -> Result<Option<Declaration>, Failure> {
    let Some(Sessions { cookies, bearer, subject_header, tenant_header, tenant_paths, sign_in, mode }) =
        &files.spec()?.sessions
    else {
        return Ok(None);
    };
    let cookies = cookies.iter().cloned().map(Carrier::Cookie);
    let header = |name: &Option<String>| {
        let read = |name: &String| HeaderName::try_from(name).ok();
        name.as_ref().and_then(read)
    };
    Ok(Some(Declaration {
        system: files.system.clone(),
        carriers: cookies.chain(bearer.then_some(Carrier::Bearer)).collect(),
        subject_header: header(subject_header),
        tenant_header: header(tenant_header),
        tenant_paths: tenant_paths.clone(),
        sign_in: sign_in.iter().cloned().collect(),
        unknown_may_write: false,
        mode: match mode {
            Some(manifest::Mode::Observe) => Mode::Observe,
            Some(manifest::Mode::Audit) => Mode::Audit,
            Some(manifest::Mode::Enforce) | None => Mode::Enforce,
        },
        modes: Default::default(),
    }))
}

/// A declaration that the guard does not take, as a failure.
pub fn unfit(files: &Files, faults: &[DeclarationError]) -> Failure {
    let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
    Failure::usage(format!("system `{}`: sessions: {}", files.system, faults.join("\n")))
}
