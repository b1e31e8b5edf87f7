//! Which work goes on in the background: every handler of every part, in one place.

mod alarm;
mod audit;
mod duties;
mod emergency;
mod incidents;
mod notices;
mod retention;
mod webhook;

use std::sync::Arc;

use crate::app::App;
use crate::jobs::{Handler, Worker};

/// All kinds of work that this program knows.
pub fn handlers() -> Vec<Handler> {
    let mut handlers = vec![
        audit::CHECKPOINT,
        audit::VERIFY,
        audit::TRIM,
        retention::ERASE,
        retention::PURGE,
        retention::REKEY,
        emergency::ALARM,
        incidents::ALARM,
        incidents::QUESTIONS,
        incidents::RESIDENCES,
        duties::ASSESS,
        duties::ALARM,
        duties::REMIND,
        duties::REMINDER,
        webhook::POST,
        notices::RETURNS,
        notices::CODE,
        crate::incidents::scans::HANDLER,
    ];
    handlers.extend(crate::vault::handlers());
    handlers
}

/// A worker that knows them.
pub fn worker(app: Arc<App>) -> Worker {
    Worker::new(app, handlers())
}
