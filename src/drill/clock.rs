//! The clock of a drill.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;

use super::Folder;
use crate::clock::{Clock, from_micros};
use crate::error::Result;

/// Shows the present of a drill. It is read from the folder each time, so that all programs that work on the drill agree, and one that
/// moves the clock is believed at once.
#[derive(Debug)]
pub struct DrillClock {
    folder: Folder,
    shown: AtomicI64,
}

impl DrillClock {
    /// The clock of a drill.
    ///
    /// # Errors
    /// As [`Folder::state`].
    pub fn new(folder: Folder) -> Result<Self> {
        let now = folder.now()?;
        Ok(Self { folder, shown: AtomicI64::new(now.as_microsecond()) })
    }
}

impl Clock for DrillClock {
    fn now(&self) -> Timestamp {
        // A folder that cannot be read any more stops the clock; it never goes back.
        let now = self.folder.now().map_or(i64::MIN, Timestamp::as_microsecond);
        from_micros(self.shown.fetch_max(now, Ordering::SeqCst).max(now))
    }
}
