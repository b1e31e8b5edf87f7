use crate::normalise::IndexKind;

/// What can go wrong in the envelope. No variant carries data of a person, a key or a ciphertext.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Wrong key, wrong place, damaged or foreign bytes: deliberately one answer for all of them, so that whoever
    /// can write to the database learns nothing from trying.
    #[error(
        "the sealed value does not open: check that the key of the stored key version is used and that the value \
         stands in the row and column it was sealed for; otherwise treat the row as tampered with"
    )]
    DoesNotOpen,

    /// The value opened, but was sealed from bytes that are not UTF-8 text.
    #[error("the opened value is not text: open it with `open_bytes`")]
    NotText,

    /// A record type, field name or key-encryption key id that cannot be bound to a ciphertext.
    #[error(
        "the {what} must have 1 to {limit} bytes without control characters: correct it in the manifest or configuration"
    )]
    Name {
        /// Which name: `record type`, `field name` or `KEK id`.
        what: &'static str,
        /// The longest allowed name, in bytes of UTF-8.
        limit: usize,
    },

    /// A value or record that is longer than the envelope accepts.
    #[error("the {what} exceeds the limit of {limit}: store large contents as an attachment, not as a field")]
    TooLarge {
        /// Which quantity.
        what: &'static str,
        /// The limit (bytes, or a count when `what` says so).
        limit: usize,
    },

    /// The same field twice in one record.
    #[error("a field stands twice in one record: give each field of a record type its own name")]
    DuplicateField,

    /// The bytes are not a sealed record.
    #[error(
        "the stored record is malformed ({0}): it was cut off, altered or written by a newer version; restore the row \
         from a backup or upgrade"
    )]
    MalformedRecord(&'static str),

    /// Nothing is left of the input after normalisation, so that everything empty would match everything empty.
    #[error(
        "nothing to index is left after normalising a value of kind `{0}`: leave the field out of the index"
    )]
    NothingToIndex(IndexKind),

    /// A part that is too short to say anything, or longer than every name.
    #[error(
        "a search by a part of a value wants {least} to {most} characters, not counting spaces and separators"
    )]
    PartLength {
        /// The fewest characters.
        least: usize,
        /// The most.
        most: usize,
    },

    /// Only the beginnings of the values of this field are indexed.
    #[error("only beginnings of the values are indexed: search for a beginning")]
    PartNotIndexed,

    /// A date that is not a calendar date.
    #[error("the value is not a calendar date: write it as YYYY-MM-DD")]
    NotADate,
}
