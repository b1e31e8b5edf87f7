//! Signed notes (c2sp.org/signed-note) and checkpoints (c2sp.org/tlog-checkpoint): a few lines of text with a signature
//! that anybody can verify with a public key, also with other programs than this one. Pure.
//!
//! ```text
//! suimon/audit/<tenant>           the origin: whose log
//! 1234                            number of entries
//! <root of the tree, base64>
//!
//! — suimon/audit/<tenant> <signature, base64>
//! ```

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use super::merkle::Hash;

/// Ed25519 in the registry of signed notes.
const ALGORITHM: u8 = 1;
/// Longer texts are no note of ours.
const LONGEST: usize = 16 * 1024;

/// Why a note, a key or a checkpoint is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    #[error("it is no signed note; it wants text, an empty line, and lines that begin with —")]
    Malformed,
    #[error("it carries no signature of this key; take the key that belongs to this tenant and installation")]
    NotSigned,
    #[error("its signature is wrong: the note was changed")]
    WrongSignature,
    #[error("it is no checkpoint; it wants origin, number of entries and root, a line each")]
    NoCheckpoint,
    #[error("it is no key; it wants name+id+key as `suimon audit key` prints it")]
    NoKey,
}

/// The first four bytes name a key among the signatures of a note.
fn key_id(name: &str, key: &VerifyingKey) -> [u8; 4] {
    let digest = Sha256::new()
        .chain_update(name)
        .chain_update([b'\n', ALGORITHM])
        .chain_update(key.as_bytes())
        .finalize();
    [digest[0], digest[1], digest[2], digest[3]]
}

/// A key that signs notes under a name.
pub struct Signer {
    name: String,
    key: SigningKey,
}

impl Signer {
    /// From 32 secret bytes.
    pub fn new(name: String, seed: &[u8; 32]) -> Self {
        Self { name, key: SigningKey::from_bytes(seed) }
    }

    /// What verifies its notes.
    pub fn verifier(&self) -> Verifier {
        Verifier { name: self.name.clone(), key: self.key.verifying_key() }
    }

    /// The text, which ends with a line feed, with its signature.
    pub fn sign(&self, text: &str) -> String {
        let id = key_id(&self.name, &self.key.verifying_key());
        let signature = [&id[..], &self.key.sign(text.as_bytes()).to_bytes()].concat();
        format!("{text}\n— {} {}\n", self.name, STANDARD.encode(signature))
    }
}

/// The public half, as text: `name+id+key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verifier {
    name: String,
    key: VerifyingKey,
}

impl fmt::Display for Verifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[ALGORITHM], &self.key.as_bytes()[..]].concat();
        let id = hex::encode(key_id(&self.name, &self.key));
        write!(formatter, "{}+{id}+{}", self.name, STANDARD.encode(key))
    }
}

impl std::str::FromStr for Verifier {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::NoKey);
        };
        let key = STANDARD.decode(key).map_err(|_| NoteError::NoKey)?;
        let Some((&ALGORITHM, key)) = key.split_first() else { return Err(NoteError::NoKey) };
        let key: &[u8; 32] = key.try_into().map_err(|_| NoteError::NoKey)?;
        let key = VerifyingKey::from_bytes(key).map_err(|_| NoteError::NoKey)?;
        if name.is_empty() || name.contains(char::is_whitespace) || id != hex::encode(key_id(name, &key)) {
            return Err(NoteError::NoKey);
        }
        Ok(Self { name: name.to_owned(), key })
    }
}

impl Verifier {
    /// The text of a note that this key has signed. Signatures of other keys are not looked at.
    ///
    /// # Errors
    /// When it is no note, or this key has not signed it.
    pub fn open<'n>(&self, note: &'n str) -> Result<&'n str, NoteError> {
        if note.len() > LONGEST {
            return Err(NoteError::Malformed);
        }
        let (text, signatures) = note.rsplit_once("\n\n").ok_or(NoteError::Malformed)?;
        // The line feed that ends the text belongs to it.
        let text = &note[..text.len() + 1];
        if !signatures.ends_with('\n') || text.chars().any(|c| c != '\n' && c.is_control()) {
            return Err(NoteError::Malformed);
        }
        for line in signatures.lines() {
            let rest = line.strip_prefix("— ").ok_or(NoteError::Malformed)?;
            let (name, signature) = rest.split_once(' ').ok_or(NoteError::Malformed)?;
            let signature = STANDARD.decode(signature).map_err(|_| NoteError::Malformed)?;
            let Some((id, signature)) = signature.split_first_chunk::<4>() else {
                return Err(NoteError::Malformed);
            };
            if name != self.name || *id != key_id(&self.name, &self.key) {
                continue;
            }
            let signature = Signature::from_slice(signature).map_err(|_| NoteError::WrongSignature)?;
            // Strict: one text and key have one signature, no other encoding of it is taken.
            let proven = self.key.verify_strict(text.as_bytes(), &signature);
            return proven.map(|()| text).map_err(|_| NoteError::WrongSignature);
        }
        Err(NoteError::NotSigned)
    }
}

/// What a checkpoint seals: the first `size` entries of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    pub origin: String,
    pub size: u64,
    pub root: Hash,
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}\n{}\n{}", self.origin, self.size, STANDARD.encode(self.root))
    }
}

impl std::str::FromStr for Checkpoint {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let mut lines = text.split('\n');
        let mut line = || lines.next().ok_or(NoteError::NoCheckpoint);
        let (origin, size, root) = (line()?, line()?, line()?);
        let root = STANDARD.decode(root).map_err(|_| NoteError::NoCheckpoint)?;
        let checkpoint = Self {
            origin: origin.to_owned(),
            size: size.parse().map_err(|_| NoteError::NoCheckpoint)?,
            root: root.try_into().map_err(|_| NoteError::NoCheckpoint)?,
        };
        // One way to write it: no plus sign, no leading zero, no empty origin.
        if origin.is_empty() || checkpoint.size.to_string() != size {
            return Err(NoteError::NoCheckpoint);
        }
        Ok(checkpoint)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The example of the format's first implementation, golang.org/x/mod/sumdb/note.
    #[test]
    fn notes_are_those_of_the_reference() {
        let secret = STANDARD.decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz").unwrap();
        let signer = Signer::new("PeterNeumann".into(), secret[1..].try_into().unwrap());
        let text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
        let note = format!(
            "{text}\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
        );
        assert_eq!(signer.sign(text), note);
        let public = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        assert_eq!(signer.verifier().to_string(), public);
        let key: Verifier = public.parse().unwrap();
        assert_eq!(key.open(&note), Ok(text));
        assert_eq!(key.open(&note.replace("answer", "question")), Err(NoteError::WrongSignature));
    }

    fn signer() -> Signer {
        Signer::new("suimon/audit/test".into(), &[7; 32])
    }

    fn checkpoint() -> Checkpoint {
        Checkpoint { origin: "suimon/audit/test".into(), size: 12, root: [3; 32] }
    }

    #[test]
    fn what_is_signed_is_opened() {
        let note = signer().sign(&checkpoint().to_string());
        let key: Verifier = signer().verifier().to_string().parse().unwrap();
        assert_eq!(key, signer().verifier());
        let text = key.open(&note).unwrap();
        assert_eq!(text.parse::<Checkpoint>().unwrap(), checkpoint());
        // A witness adds its signature behind ours.
        let witnessed = format!("{note}— witness.example AAAAAAAA\n");
        assert_eq!(key.open(&witnessed), Ok(text));
        let stranger = Signer::new("suimon/audit/test".into(), &[8; 32]).verifier();
        assert_eq!(stranger.open(&note), Err(NoteError::NotSigned));
    }

    #[test]
    fn a_checkpoint_is_written_in_one_way_only() {
        let text = checkpoint().to_string();
        for wrong in [
            text.replace("\n12\n", "\n+12\n"),
            text.replace("\n12\n", "\n012\n"),
            text[5..].replace('/', "\n"),
        ] {
            assert_eq!(wrong.parse::<Checkpoint>(), Err(NoteError::NoCheckpoint), "{wrong}");
        }
        assert_eq!(format!("\n{}", &text[18..]).parse::<Checkpoint>(), Err(NoteError::NoCheckpoint));
    }

    proptest! {
        #[test]
        fn a_changed_byte_is_noticed(at in 0usize..200, other in any::<u8>()) {
            let note = signer().sign(&checkpoint().to_string());
            let mut bytes = note.clone().into_bytes();
            let at = at % bytes.len();
            prop_assume!(bytes[at] != other);
            bytes[at] = other;
            if let Ok(changed) = String::from_utf8(bytes) {
                prop_assert!(signer().verifier().open(&changed).is_err(), "{changed}");
            }
        }

        #[test]
        fn no_text_is_too_odd(text in ".{0,300}") {
            let _ = signer().verifier().open(&text);
            let _ = text.parse::<Checkpoint>();
            let _ = text.parse::<Verifier>();
        }
    }
}
