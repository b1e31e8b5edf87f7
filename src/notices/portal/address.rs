//! Where a code goes: to the address that the notice goes to. Opened for the sending alone, and recorded.

use zeroize::Zeroizing;

use super::door::Visit;
use super::link::Side;
use crate::error::Result;
use crate::{requirements, vault};

/// The address of the recipient now; nothing where there is none.
pub async fn of(visit: &Visit) -> Result<Option<Zeroizing<String>>> {
    let opened = match (visit.side, &visit.subject) {
        (Side::Tenant, _) => vault::open_tenant_contact(&visit.scope, visit.message.recipient_tenant).await?,
        (Side::Person, None) => None,
        (Side::Person, Some(subject)) => {
            let system =
                requirements::system_in_force(&visit.scope, &subject.system, visit.scope.at()).await?;
            let declared = system.as_ref().and_then(|system| system.record_type(&subject.record_type));
            match declared.and_then(|declared| declared.contact_field.as_deref()) {
                Some(field) => vault::open_contact(&visit.scope, subject, field).await?,
                None => None,
            }
        }
    };
    Ok(opened.map(|address| Zeroizing::new(address.expose().to_owned())))
}
