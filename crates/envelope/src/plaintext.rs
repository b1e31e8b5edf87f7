use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{Error, MaskRule};

/// What stands in logs and messages in place of personal data.
pub const WITHHELD: &str = "[withheld]";

/// A piece of personal data as text. Wiped when dropped; prints [`WITHHELD`]; cannot be cloned or serialised; leaves
/// only through [`expose`](Plaintext::expose), which a reviewer can search for, or [`masked`](Plaintext::masked).
///
/// ```compile_fail
/// let text = envelope::Plaintext::from("水野 花");
/// let copy = text.clone(); // no Clone: a copy would be one more place to wipe
/// ```
pub struct Plaintext(String);

impl Plaintext {
    /// The text itself. Hand it on only to the person or process that was allowed to read it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// A shortened form for readers that may only recognise the value. See [`MaskRule`].
    pub fn masked(&self, rule: MaskRule) -> String {
        rule.apply(&self.0)
    }

    /// Whether the text is empty; for validation, without exposing it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn from_utf8(mut bytes: Zeroizing<Vec<u8>>) -> Result<Self, Error> {
        if std::str::from_utf8(&bytes).is_err() {
            return Err(Error::NotText);
        }
        // The buffer is handed over, not copied; `bytes` keeps an empty vector.
        let text = String::from_utf8(std::mem::take(&mut *bytes)).expect("checked to be UTF-8 above");
        Ok(Self(text))
    }
}

/// Takes over the buffer: nothing is copied.
impl From<String> for Plaintext {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// Copies. The source is not wiped.
impl From<&str> for Plaintext {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

/// Constant time for texts of the same length; lengths are compared openly.
impl PartialEq for Plaintext {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Plaintext {}

/// The whole buffer at once, what lies behind the text too. `Zeroizing<String>` does the same byte by byte, which took longer
/// than opening the text.
impl Drop for Plaintext {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.0).into_bytes();
        // Up to the capacity that is there, so nothing is allocated.
        bytes.resize(bytes.capacity(), 0);
        bytes.as_mut_slice().zeroize();
    }
}

impl ZeroizeOnDrop for Plaintext {}

impl fmt::Debug for Plaintext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(WITHHELD)
    }
}

impl fmt::Display for Plaintext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(WITHHELD)
    }
}
