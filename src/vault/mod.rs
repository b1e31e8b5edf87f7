//! The vault: keys, subjects, search, erasure.

mod kek;

pub use kek::MasterKey;
