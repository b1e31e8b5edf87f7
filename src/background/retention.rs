//! Retention: what the systems' requirements say of people's records, and what the configuration says of the service's own.

use futures::FutureExt;
use jiff::SignedDuration;

use crate::config::Config;
use crate::jobs::Handler;
use crate::privacy;

/// Erases people whose time is over.
pub const ERASE: Handler =
    Handler { kind: "retention.erase", every, step: |running| privacy::retention_step(running).boxed() };

/// Removes what the service has kept of its own long enough.
pub const PURGE: Handler =
    Handler { kind: "retention.purge", every, step: |running| privacy::purge_step(running).boxed() };

/// Replaces a tenant's key and destroys the old one.
pub const REKEY: Handler =
    Handler::on_demand(crate::vault::REKEY, |running| privacy::rekey_step(running).boxed());

fn every(config: &Config) -> Option<SignedDuration> {
    let hours = config.retention.every_hours;
    (hours > 0).then(|| SignedDuration::from_hours(i64::from(hours)))
}
