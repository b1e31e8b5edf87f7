//! Limits on what is read. Far above what people write, far below what would hurt the service.

/// Bytes of one file.
pub(super) const FILE_BYTES: usize = 1024 * 1024;
/// Files of one set.
pub(super) const FILES: usize = 1000;
/// Documents of one file.
pub(super) const DOCUMENTS: usize = 200;
/// Nested lists and mappings; the model itself needs eight.
pub(super) const DEPTH: usize = 16;
/// Values of one file, those that aliases repeat included.
pub(super) const NODES: usize = 50_000;
/// Aliases (`*name`) of one file.
pub(super) const ALIASES: usize = 64;
/// Values that aliases may repeat in one file.
pub(super) const REPEATED: usize = 5_000;
/// Items of a list for which nothing narrower is stated.
pub(super) const ITEMS: usize = 100;
/// Fields of one record type.
pub(super) const FIELDS: usize = 200;
/// Routes of one system.
pub(super) const ROUTES: usize = 500;
/// Items and groups of catalogues that do not apply to one system: more than any catalogue has chapters and people list singly.
pub(super) const NOT_APPLICABLE: usize = 500;
/// Characters of a name.
pub(super) const NAME: usize = 63;
/// Characters of a title or another one-line text.
pub(super) const LINE: usize = 200;
/// Characters of a statement or a rationale.
pub(super) const PROSE: usize = 4000;
/// People inside at once: as many as a room of the guard holds (crate `capacity`).
pub(super) const PEOPLE: u32 = 4_000_000;
/// Problems reported at once; more would only hide the first ones.
pub(super) const PROBLEMS: usize = 500;
