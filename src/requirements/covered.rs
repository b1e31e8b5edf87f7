//! Which items of a catalogue the requirements of a system answer. Told once, for GraphQL and for `suimon attest coverage`.

use std::borrow::Cow;

use catalogue::coverage::{Answers, Coverage, coverage};
use catalogue::{Catalogue, ModelSystem, Scheme, shipped};

use super::attest::attested;
use super::copies::{CatalogueCopy, kept};
use super::read::permit;
use crate::access::Op;
use crate::error::{Error, Result};

/// By which list of items it is told.
#[derive(Clone, Debug)]
pub enum Against {
    /// The newest kept copy of the catalogue; without one, the ids that are shipped.
    Newest(Scheme),
    /// The kept copy of this digest.
    Kept(Scheme, String),
    /// A copy that is not kept.
    Given(Box<Catalogue>),
}

/// Coverage, and what it was told by.
#[derive(Clone, Debug)]
pub struct Covered {
    pub catalogue: Cow<'static, Catalogue>,
    /// The kept copy that was used.
    pub copy: Option<CatalogueCopy>,
    pub coverage: Coverage,
}

/// How the requirements of a system in force now answer a catalogue. `model` asks for the levels that a copy of IPA's sheet proposes.
///
/// # Errors
/// Those of permission, `NOT_FOUND` for the system or the copy, `INVALID` for a catalogue of which no ids are known, and for a
/// model system where no copy has its levels.
pub async fn catalogue_coverage(
    op: &Op,
    system: &str,
    against: Against,
    model: Option<ModelSystem>,
) -> Result<Covered> {
    let scope = permit(op).await?;
    let attested = attested(op, system).await?;
    let (copy, catalogue) = match against {
        Against::Given(catalogue) => (None, Cow::Owned(*catalogue)),
        Against::Kept(scheme, digest) => {
            let found = kept(&scope, scheme, Some(&digest)).await?;
            let (copy, catalogue) = found.ok_or_else(|| {
                Error::not_found("copy of a catalogue").remedy("name a digest of `catalogueCopies`")
            })?;
            (Some(copy), Cow::Owned(catalogue))
        }
        Against::Newest(scheme) => match kept(&scope, scheme, None).await? {
            Some((copy, catalogue)) => (Some(copy), Cow::Owned(catalogue)),
            None => (None, Cow::Borrowed(known(scheme)?)),
        },
    };
    if model.is_some() && matches!(catalogue, Cow::Borrowed(_)) {
        return Err(Error::invalid("model", "is asked for, and what is shipped has no levels")
            .remedy("import your own copy (`suimon import --catalogue`), or give it with --copy"));
    }
    let answers = Answers { citations: &attested.citations(), not_applicable: &attested.not_applicable };
    let coverage = coverage(&catalogue, answers, model);
    Ok(Covered { catalogue, copy, coverage })
}

fn known(scheme: Scheme) -> Result<&'static Catalogue> {
    shipped(scheme).ok_or_else(|| {
        Error::invalid("catalogue", format!("no ids of {scheme} are known"))
            .remedy("ask for ipa-nfrg, owasp-secreq-ja, asvs or iso25010")
    })
}
