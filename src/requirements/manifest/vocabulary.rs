//! Closed lists of words: one declaration gives the enum, its spelling in YAML and JSON, and the list for error texts.

/// Declares an enum whose variants have one fixed spelling each.
macro_rules! vocabulary {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[derive(schemars::JsonSchema)]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The spelling in manifests.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl super::vocabulary::Vocabulary for $name {
            const ALL: &'static [Self] = Self::ALL;
            fn word(self) -> &'static str { self.as_str() }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { out.write_str(self.as_str()) }
        }
    };
}
pub(super) use vocabulary;

/// What the decoder needs to read a word and to suggest the nearest one.
pub(super) trait Vocabulary: Copy + 'static {
    const ALL: &'static [Self];
    fn word(self) -> &'static str;
}
