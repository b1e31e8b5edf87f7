//! Texts in the two languages of the packs.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Language of a prose trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    /// English.
    En,
    /// Japanese.
    Ja,
}

/// One text in English and Japanese. Shared, because each decision repeats the labels of its packs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Labels {
    /// English.
    pub en: Arc<str>,
    /// Japanese.
    pub ja: Arc<str>,
}

impl Labels {
    /// Both languages given.
    pub fn new(en: impl Into<Arc<str>>, ja: impl Into<Arc<str>>) -> Self {
        Labels { en: en.into(), ja: ja.into() }
    }

    /// The text in one language.
    pub fn get(&self, lang: Lang) -> &str {
        match lang {
            Lang::En => &self.en,
            Lang::Ja => &self.ja,
        }
    }
}
