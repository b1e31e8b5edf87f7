//! Drills: an incident that nobody is hurt by. A throw-away installation with made-up people, whose clock is simulated; a fault that goes
//! on until the team contains it; and what the installation's own records say of how the team did.
//!
//! Nothing here is a second way to do the work: the team acts through the doors that there are, and so does the drill itself when it
//! passes a complaint on. It looks at records, never at what somebody says about the work.

mod clock;
mod folder;
mod judge;
mod measure;
mod scene;
mod words;

pub use clock::DrillClock;
pub use folder::{Folder, Served, State, create_private};
pub use judge::{Judged, Told};
pub use measure::{Deadline, Outcome, Report, Step, Taken, measure};
pub use scene::Scene;

/// The system that the incident happens to: that of the example.
pub const SYSTEM: &str = "online-application";

/// Where people of the example live, and the zone of its incidents.
pub const ZONE: &str = "Asia/Tokyo";

/// The account that passes complaints on and reads the records. It has neither password nor token: nobody signs in as it.
pub const LEADER: &str = "drill";
