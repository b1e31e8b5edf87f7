//! A scan between two readings: what it remembers, as bytes, so that a long scan can go on after a crash or elsewhere.

use sha2::{Digest, Sha256};

use crate::query::WindowQuery;
use crate::scan::Scan;
use crate::store::Store;

/// What stands before the content. The last byte is the version of the form: another version's bytes are refused, not misread.
const MAGIC: &[u8; 12] = b"suimon scan\x02";
const DIGEST: usize = 32;

/// Bytes that cannot be gone on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SavedError {
    /// Of another version, or damaged.
    #[error("the saved scan is damaged or of another version; read its logs again")]
    Unreadable,
    /// Of another question.
    #[error("the saved scan is of another query; read its logs again")]
    OtherQuery,
}

impl Scan {
    /// What it remembers. The bytes hold what logs say of people: keep them as the logs are kept.
    ///
    /// # Errors
    /// [`SavedError::Unreadable`] never in practice: all that is remembered can be written.
    pub fn save(&self) -> Result<Vec<u8>, SavedError> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&digest(&self.compiled.query)?);
        postcard::to_extend(&self.store, bytes).map_err(|_| SavedError::Unreadable)
    }

    /// A scan of this query that remembers what was saved. It merges with others; what it was told of the forms of logs is not saved, and is to be told again.
    ///
    /// # Errors
    /// [`SavedError`].
    pub fn restore(query: WindowQuery, saved: &[u8]) -> Result<Self, SavedError> {
        let rest = saved.strip_prefix(MAGIC).ok_or(SavedError::Unreadable)?;
        let (of, content) = rest.split_at_checked(DIGEST).ok_or(SavedError::Unreadable)?;
        if of != digest(&query)? {
            return Err(SavedError::OtherQuery);
        }
        let mut scan = Self::new(query).map_err(|_| SavedError::OtherQuery)?;
        let (store, rest): (Store, _) =
            postcard::take_from_bytes(content).map_err(|_| SavedError::Unreadable)?;
        if !rest.is_empty() || !store.is_sound(scan.compiled.query.personal_routes.len()) {
            return Err(SavedError::Unreadable);
        }
        scan.store = store;
        Ok(scan)
    }
}

fn digest(query: &WindowQuery) -> Result<[u8; DIGEST], SavedError> {
    let text = serde_json::to_vec(query).map_err(|_| SavedError::Unreadable)?;
    Ok(Sha256::digest(text).into())
}

/// Reports of inputs leave out what is nothing, which bytes without names cannot: so they are kept as text.
pub(crate) mod reports {
    use serde::de::Error as _;
    use serde::ser::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::input::InputReport;

    pub(crate) fn serialize<S: Serializer>(
        reports: &[InputReport],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&serde_json::to_vec(reports).map_err(S::Error::custom)?)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<InputReport>, D::Error> {
        let text = <&[u8]>::deserialize(deserializer)?;
        serde_json::from_slice(text).map_err(|_| D::Error::custom("no reports of inputs"))
    }
}
