//! The folder of a drill, and how late it is there.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use exposure::simulate::DRILL_BEGINS;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::clock::{Clock, SystemClock, from_micros};
use crate::error::{Error, Result};

/// Longest time between two ticks that counts, in microseconds. The clock stands while nobody serves the drill, and shows no instant
/// that a crash could take back: whoever serves it next begins at least where it was.
const LONGEST_GAP: i64 = 2_000_000;

/// Fastest clock: three days in less than a quarter of an hour.
const MAX_SPEED: u32 = 360;

/// What a drill is, and how far its clock has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Which people, and whose page goes to whom.
    pub seed: u64,
    /// Simulated seconds in a second. 0: time passes only where it is moved.
    pub speed: u32,
    /// What the clock showed first: when the fault began.
    pub begins: Timestamp,
    /// Simulated microseconds since then, at the last tick.
    passed: i64,
    /// What the machine's clock showed at the last tick.
    ticked_at: Option<Timestamp>,
    /// Up to when the logs and complaints of the time are there.
    pub arranged: Option<Timestamp>,
}

impl State {
    /// The beginning.
    ///
    /// # Errors
    /// `INVALID` for a clock that is too fast.
    pub fn new(seed: u64, speed: u32) -> Result<Self> {
        if speed > MAX_SPEED {
            return Err(Error::invalid("speed", format!("wants 0 to {MAX_SPEED}")));
        }
        Ok(Self { seed, speed, begins: DRILL_BEGINS, passed: 0, ticked_at: None, arranged: None })
    }

    fn passed(&self, machine: Timestamp) -> i64 {
        let gap = self.ticked_at.map_or(0, |ticked| machine.as_microsecond() - ticked.as_microsecond());
        // A machine's clock that was set back moves nothing back here.
        self.passed.saturating_add(gap.clamp(0, LONGEST_GAP).saturating_mul(i64::from(self.speed)))
    }

    fn now(&self, machine: Timestamp) -> Timestamp {
        from_micros(self.begins.as_microsecond().saturating_add(self.passed(machine)))
    }

    fn tick(&mut self, machine: Timestamp) {
        (self.passed, self.ticked_at) = (self.passed(machine), Some(machine));
    }
}

/// The folder of a drill: its state, its database and key, its logs.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

/// Held by whoever serves a drill.
#[derive(Debug)]
pub struct Served {
    // The lock ends with it, also when the process is killed.
    _lock: File,
}

impl Folder {
    /// Makes the folder for a new drill, which it is once that begins.
    ///
    /// # Errors
    /// `CONFLICT` when there is anything in it, `INVALID` when its name cannot stand in the configuration.
    pub fn create(path: &Path) -> Result<Self> {
        let path = std::path::absolute(path).context("the working directory")?;
        let name = path.display();
        if path.to_str().is_none_or(|text| text.contains([',', '?', '#', '%'])) {
            return Err(Error::invalid(
                "DIR",
                format!("{name} has a sign in it that no configuration takes"),
            )
            .remedy("choose a folder without comma, ?, # and %"));
        }
        let taken = path.exists() && fs::read_dir(&path).map_or(true, |mut entries| entries.next().is_some());
        if taken {
            return Err(Error::conflict(format!("{name} is not an empty folder"))
                .remedy("a drill wants one of its own: name another folder"));
        }
        create_private(&path)?;
        Ok(Self(path))
    }

    /// Makes it a drill's, last of all: what was interrupted before is none.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn begin(&self, state: &State) -> Result<()> {
        self.write(state)
    }

    /// The folder of a drill that was made.
    ///
    /// # Errors
    /// `CONFLICT` when it is none.
    pub fn open(path: &Path) -> Result<Self> {
        let folder = Self(std::path::absolute(path).context("the working directory")?);
        folder.state()?;
        Ok(folder)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// What stands in it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// What the drill is and how far it has come.
    ///
    /// # Errors
    /// `CONFLICT` when this is the folder of no drill.
    pub fn state(&self) -> Result<State> {
        let text = fs::read(self.join("drill.json")).map_err(|error| {
            Error::conflict(format!("{} is the folder of no drill ({})", self.0.display(), error.kind()))
                .remedy("make one with `suimon drill start`")
        })?;
        serde_json::from_slice(&text).map_err(|error| {
            Error::conflict(format!("drill.json in {} is damaged ({error})", self.0.display()))
                .remedy("begin another drill with `suimon drill start`")
        })
    }

    /// The present of the drill.
    ///
    /// # Errors
    /// As `state`.
    pub fn now(&self) -> Result<Timestamp> {
        Ok(self.state()?.now(SystemClock.now()))
    }

    /// Lets the clock go on. Whoever serves the drill does that several times a second.
    ///
    /// # Errors
    /// As `state`, and when the folder cannot be written.
    pub fn tick(&self) -> Result<State> {
        self.change(|state| state.tick(SystemClock.now()))
    }

    /// Moves the clock forward, so that nobody has to sit through a night. It never goes back.
    ///
    /// # Errors
    /// `INVALID` for an instant that has passed; as `tick`.
    pub fn advance(&self, to: Timestamp) -> Result<State> {
        let mut early = false;
        let state = self.change(|state| {
            state.tick(SystemClock.now());
            let passed = to.as_microsecond() - state.begins.as_microsecond();
            early = passed < state.passed;
            state.passed = state.passed.max(passed);
        })?;
        if early {
            return Err(Error::invalid(
                "to",
                format!("lies before {}, the present of the drill", self.now()?),
            )
            .remedy("the clock of a drill goes forward only"));
        }
        Ok(state)
    }

    /// Notes that logs and complaints are there up to `instant`.
    ///
    /// # Errors
    /// As `tick`.
    pub fn arranged(&self, instant: Timestamp) -> Result<State> {
        self.change(|state| state.arranged = Some(instant))
    }

    /// Takes the drill for serving it.
    ///
    /// # Errors
    /// `CONFLICT` when it is served already.
    pub fn serve(&self) -> Result<Served> {
        let lock = self.lock("served.lock")?;
        lock.try_lock().map_err(|_| {
            Error::conflict("this drill is being served already")
                .remedy("end the other `suimon drill serve` first")
        })?;
        Ok(Served { _lock: lock })
    }

    /// Whether somebody serves it.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn is_served(&self) -> Result<bool> {
        Ok(self.lock("served.lock")?.try_lock().is_err())
    }

    fn lock(&self, name: &str) -> Result<File> {
        let path = self.join(name);
        Ok(File::create(&path).with_context(|| format!("cannot write {}", path.display()))?)
    }

    /// One at a time, and whole or not at all: the clock is read by others meanwhile.
    fn change(&self, change: impl FnOnce(&mut State)) -> Result<State> {
        let lock = self.lock("drill.lock")?;
        lock.lock().context("cannot lock the drill")?;
        let mut state = self.state()?;
        change(&mut state);
        self.write(&state)?;
        Ok(state)
    }

    fn write(&self, state: &State) -> Result<()> {
        replace(&self.join("drill.json"), &serde_json::to_vec_pretty(state)?)?;
        Ok(())
    }
}

/// Writes a file in one step: who reads it sees the old one or the new one.
pub(super) fn replace(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // A scan passes hidden files over.
    let new = path.with_file_name(format!(".{name}.new"));
    fs::write(&new, content)
        .and_then(|()| fs::rename(&new, path))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Creates a folder that holds a key: nobody else reads it.
///
/// # Errors
/// When it cannot be created.
pub fn create_private(folder: &Path) -> anyhow::Result<()> {
    let failed = || format!("cannot create {}", folder.display());
    fs::create_dir_all(folder).with_context(failed)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).with_context(failed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn the_clock_runs_while_it_is_ticked_and_never_back() {
        let mut state = State::new(7, 60).unwrap();
        let machine: Timestamp = "2026-11-29T09:00:00Z".parse().unwrap();
        let after = |milliseconds| machine + SignedDuration::from_millis(milliseconds);
        let shown = |state: &State, machine| state.now(machine).duration_since(state.begins).as_millis();
        assert_eq!(shown(&state, machine), 0, "it has not begun");
        state.tick(machine);
        assert_eq!(shown(&state, after(500)), 30_000);
        state.tick(after(500));
        // Nobody serves it for an hour; then somebody does, and it goes on behind everything that it has shown.
        assert_eq!(shown(&state, after(3_600_000)), 150_000);
        state.tick(after(3_600_000));
        assert_eq!(shown(&state, after(3_600_000)), 150_000);
        // The machine's clock is set back.
        assert_eq!(shown(&state, after(0)), 150_000);
        state.tick(after(0));
        assert_eq!(shown(&state, after(1_000)), 210_000);
    }
}
