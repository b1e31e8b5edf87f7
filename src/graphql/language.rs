//! The two languages of texts that the service writes itself.

use async_graphql::Enum;

/// Language of a text.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Language {
    /// Japanese.
    Ja,
    /// English.
    En,
}

impl From<Language> for law::Lang {
    fn from(language: Language) -> Self {
        match language {
            Language::Ja => law::Lang::Ja,
            Language::En => law::Lang::En,
        }
    }
}

impl From<law::Lang> for Language {
    fn from(language: law::Lang) -> Self {
        match language {
            law::Lang::Ja => Language::Ja,
            law::Lang::En => Language::En,
        }
    }
}

impl From<Language> for crate::notices::Language {
    fn from(language: Language) -> Self {
        match language {
            Language::Ja => crate::notices::Language::Ja,
            Language::En => crate::notices::Language::En,
        }
    }
}

impl From<crate::notices::Language> for Language {
    fn from(language: crate::notices::Language) -> Self {
        match language {
            crate::notices::Language::Ja => Language::Ja,
            crate::notices::Language::En => Language::En,
        }
    }
}

impl From<Language> for capacity::Lang {
    fn from(language: Language) -> Self {
        match language {
            Language::Ja => capacity::Lang::Ja,
            Language::En => capacity::Lang::En,
        }
    }
}
