//! What came back from the sending of notices is read, again and again; codes for the pages of recipients are sent.

use futures::FutureExt;
use jiff::SignedDuration;

use crate::jobs::Handler;
use crate::notices;

/// Draws one-time codes for the pages of recipients and sends them.
pub const CODE: Handler =
    Handler::on_demand(notices::portal::CODE, |running| notices::portal::send_code(running).boxed());

/// Reads the maildir of the return paths.
pub const RETURNS: Handler = Handler {
    kind: notices::RETURNS,
    every: |config| {
        let on = !config.mail.return_maildir.is_empty();
        on.then(|| SignedDuration::from_secs(i64::from(config.mail.return_seconds)))
    },
    step: |running| notices::read_returns(running).boxed(),
};
