//! So many at once, with shares that nobody else can take.
//!
//! After the partitions of Netflix's concurrency-limits, but strict: there a borrowed place is given back only when its
//! request ends, and the limit is exceeded meanwhile. Here what is guaranteed is kept free, so that the call centre's
//! next request finds its place at once, and the limit holds always. Within what a request may use, the last part of
//! the limit is for people who are inside already: newcomers are refused long before anybody is thrown out midway.

/// One partition: a tenant, or a channel such as web or call centre.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// For people and metrics.
    pub name: String,
    /// Guaranteed part of the limit, in thousandths.
    pub guaranteed: u16,
}

/// Whose request it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Of somebody who was let in before.
    Inside,
    /// Of somebody new.
    New,
}

/// Why a request cannot go in now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// All places that its partition may use are taken.
    #[error("no place is free for this partition")]
    Full,
    /// Places are left, but for those who are inside already.
    #[error("the places that are left are for people who are inside already")]
    ReservedForInside,
    /// There is no such partition.
    #[error("there is no partition with this number")]
    Unknown,
}

/// Why partitions cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PartitionError {
    /// None, or more than 1,024.
    #[error("{0} partitions; name 1 to 1,024")]
    Count(usize),
    /// More is guaranteed than there is.
    #[error("{0} thousandths are guaranteed in all; lower the shares to at most 1,000 together")]
    Overcommitted(u32),
    /// More than the whole.
    #[error("{0} thousandths are kept for people inside; choose 0 to 900")]
    Headroom(u16),
}

const WHOLE: u64 = 1_000;

/// A limit on what goes on at once, divided among partitions.
#[derive(Debug, Clone)]
pub struct Partitions {
    limit: u32,
    /// Thousandths that newcomers may not use.
    headroom: u16,
    total: u32,
    /// Sum over all partitions of the greater of what is used and what is guaranteed: what others cannot have.
    claimed: u64,
    parts: Vec<Part>,
}

#[derive(Debug, Clone)]
struct Part {
    partition: Partition,
    guaranteed: u32,
    used: u32,
}

impl Part {
    fn claim(&self) -> u64 {
        u64::from(self.used.max(self.guaranteed))
    }
}

impl Partitions {
    /// `headroom`: thousandths of the limit that newcomers leave to people inside.
    pub fn new(limit: u32, headroom: u16, partitions: Vec<Partition>) -> Result<Self, PartitionError> {
        if partitions.is_empty() || partitions.len() > 1_024 {
            return Err(PartitionError::Count(partitions.len()));
        }
        let guaranteed = partitions.iter().map(|p| u32::from(p.guaranteed)).sum();
        if u64::from(guaranteed) > WHOLE {
            return Err(PartitionError::Overcommitted(guaranteed));
        }
        if headroom > 900 {
            return Err(PartitionError::Headroom(headroom));
        }
        let parts =
            partitions.into_iter().map(|partition| Part { partition, guaranteed: 0, used: 0 }).collect();
        let mut partitions = Partitions { limit: 0, headroom, total: 0, claimed: 0, parts };
        partitions.set_limit(limit);
        Ok(partitions)
    }

    /// Changes the limit. Nobody is thrown out: after a cut, nobody goes in until enough have left.
    pub fn set_limit(&mut self, limit: u32) {
        self.limit = limit;
        for part in &mut self.parts {
            part.guaranteed = share(limit, part.partition.guaranteed);
        }
        self.claimed = self.parts.iter().map(Part::claim).sum();
    }

    /// Takes a place, which the caller gives back with [`Partitions::leave`]. Cost does not depend on the number of
    /// partitions.
    pub fn enter(&mut self, partition: usize, standing: Standing) -> Result<(), Refusal> {
        let Some(part) = self.parts.get(partition) else { return Err(Refusal::Unknown) };
        let within_guarantee = part.used < part.guaranteed;
        // Within the guarantee the place is claimed already. Beyond it, it must be one that nobody has a claim on.
        if self.total >= self.limit || !(within_guarantee || self.claimed < u64::from(self.limit)) {
            return Err(Refusal::Full);
        }
        if standing == Standing::New && !self.newcomer_fits(part) {
            return Err(Refusal::ReservedForInside);
        }
        let part = &mut self.parts[partition];
        self.claimed -= part.claim();
        part.used += 1;
        self.claimed += part.claim();
        self.total += 1;
        Ok(())
    }

    /// A newcomer leaves room both in the whole and in what the partition is guaranteed: a partition that fills its
    /// guarantee with newcomers would have to refuse its own people. At least one place stays open to newcomers, or a
    /// small partition could never begin.
    fn newcomer_fits(&self, part: &Part) -> bool {
        let open = |places: u32| places - share(places, self.headroom).min(places.saturating_sub(1));
        if part.used < part.guaranteed {
            part.used < open(part.guaranteed) || self.common_room_for_newcomers()
        } else {
            self.common_room_for_newcomers()
        }
    }

    /// Whether the places without a claim are enough to leave the headroom free.
    fn common_room_for_newcomers(&self) -> bool {
        let kept = share(self.limit, self.headroom).min(self.limit.saturating_sub(1));
        self.claimed + u64::from(kept) < u64::from(self.limit)
    }

    /// Gives a place back. `false`, and nothing changes, when the partition is unknown or has none: the caller then
    /// counts wrongly.
    #[must_use = "`false` tells of a fault in the caller's count"]
    pub fn leave(&mut self, partition: usize) -> bool {
        let Some(part) = self.parts.get_mut(partition).filter(|part| part.used > 0) else { return false };
        self.claimed -= part.claim();
        part.used -= 1;
        self.claimed += part.claim();
        self.total -= 1;
        true
    }

    /// Places in use.
    pub fn in_use(&self) -> u32 {
        self.total
    }

    /// The limit.
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// Each partition with the places it uses and those it is guaranteed.
    pub fn usage(&self) -> impl Iterator<Item = (&str, u32, u32)> {
        self.parts.iter().map(|part| (part.partition.name.as_str(), part.used, part.guaranteed))
    }
}

/// Thousandths of a number, rounded down.
fn share(whole: u32, thousandths: u16) -> u32 {
    (u64::from(whole) * u64::from(thousandths) / WHOLE).try_into().unwrap_or(u32::MAX)
}
