//! Documents: held against the limits before and after they are parsed, kept for the next request, or taken from the
//! operator's list of trusted ones. Cost is the library's own limit; the size of a body is capped in `http`.

mod lexer;
mod measure;
mod trusted;

use std::path::Path;
use std::sync::Arc;

use async_graphql::parser::parse_query;
use async_graphql::parser::types::ExecutableDocument;
use async_graphql::{ErrorExtensions, ServerError};
use moka::sync::Cache;
use sha2::{Digest, Sha256};

use crate::config::{GraphqlConfig, TrustedDocuments};
use measure::{Circular, measure};
use trusted::Trusted;

/// Bytes of text whose documents are kept. A parsed document takes some twenty times its text.
const KEPT_BYTES: u64 = 512 * 1024;
/// Longer texts are not kept: a few of them would drive out all others.
const LONGEST_KEPT: usize = 16 * 1024;
/// Brackets in brackets. The parser descends once for each; `limit_recursive_depth` of the schema stops at half of it.
const NESTING: usize = 64;

/// Lists of fields or types in one another, in questions about the schema (as in GraphQL.js): tools ask for two.
const TYPE_LISTS: usize = 2;

/// What a request names as its document.
#[derive(Debug)]
pub enum Asked {
    /// The text itself.
    Text(String),
    /// The digest of a trusted document's text.
    Trusted([u8; 32]),
    /// Apollo's shape of the same: the client expects the error code by which it knows to send the text.
    Persisted {
        /// The digest.
        digest: [u8; 32],
        /// The text beside it, which must be the digest's.
        text: Option<String>,
    },
    /// An id that is no digest.
    Unknown,
}

impl Asked {
    /// Reads `documentId`.
    pub fn by_id(id: &str) -> Self {
        trusted::digest(id).map_or(Asked::Unknown, Asked::Trusted)
    }

    /// Reads `extensions.persistedQuery`.
    pub fn persisted(sha256: &str, text: Option<String>) -> Self {
        trusted::digest(sha256).map_or(Asked::Unknown, |digest| Asked::Persisted { digest, text })
    }
}

/// The documents of one service.
pub struct Documents {
    limits: Limits,
    mode: TrustedDocuments,
    trusted: Trusted,
    kept: Cache<String, Arc<ExecutableDocument>>,
}

#[derive(Clone, Copy)]
struct Limits {
    depth: usize,
    aliases: usize,
    directives: usize,
    tokens: usize,
}

impl Documents {
    /// With the limits of the configuration, and its list of trusted documents where it names one.
    ///
    /// # Errors
    /// When that list cannot be read.
    pub fn new(config: &GraphqlConfig) -> anyhow::Result<Self> {
        let limits = Limits {
            depth: config.max_depth,
            aliases: config.max_aliases,
            directives: config.max_directives,
            tokens: config.max_tokens,
        };
        let mut trusted = match config.trusted_documents {
            TrustedDocuments::Off => Trusted::default(),
            TrustedDocuments::Allow | TrustedDocuments::Only => {
                Trusted::load(Path::new(&config.trusted_documents_path), |text| {
                    limits.parse(text).map_err(|error| anyhow::anyhow!(error.message))
                })?
            }
        };
        for text in crate::guards::wire::DOCUMENTS {
            let document = limits.parse(text).map_err(|error| anyhow::anyhow!(error.message))?;
            trusted.add(text, document);
        }
        let weight = |text: &String, _: &Arc<_>| u32::try_from(text.len()).unwrap_or(u32::MAX);
        let kept = Cache::builder().max_capacity(KEPT_BYTES).weigher(weight).build();
        Ok(Self { limits, mode: config.trusted_documents, trusted, kept })
    }

    /// The document that a request asks for, or the error that refuses it.
    ///
    /// # Errors
    /// With a code: the text is no document, exceeds a limit or is not trusted where only those are.
    pub fn find(&self, asked: Asked) -> Result<Arc<ExecutableDocument>, ServerError> {
        let off = self.mode == TrustedDocuments::Off;
        match asked {
            Asked::Text(text) => self.of_text(&text),
            Asked::Trusted(digest) => self.trusted.get(&digest).ok_or_else(unknown),
            Asked::Unknown => Err(unknown()),
            Asked::Persisted { .. } if off => {
                Err(refusal("PERSISTED_QUERY_NOT_SUPPORTED", "PersistedQueryNotSupported"))
            }
            Asked::Persisted { digest, text } => match (self.trusted.get(&digest), text) {
                (Some(document), None) => Ok(document),
                (None, None) => Err(refusal("PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound")),
                (known, Some(text)) => {
                    if <[u8; 32]>::from(Sha256::digest(text.as_bytes())) != digest {
                        return Err(refusal("GRAPHQL_INVALID", "the digest is not that of the text"));
                    }
                    // A client cannot register a text: the list is the operator's.
                    known.map_or_else(|| self.of_text(&text), Ok)
                }
            },
        }
    }

    fn of_text(&self, text: &str) -> Result<Arc<ExecutableDocument>, ServerError> {
        if self.mode == TrustedDocuments::Only {
            // A text is let in by what it is, not by how it was named.
            let digest = Sha256::digest(text.as_bytes()).into();
            return self.trusted.get(&digest).ok_or_else(|| {
                refusal(
                    "DOCUMENT_NOT_TRUSTED",
                    "only the documents that the operator has let in are executed",
                )
            });
        }
        if let Some(document) = self.kept.get(text) {
            return Ok(document);
        }
        let document = self.limits.parse(text)?;
        // A text with literals or comments in it may hold personal data, which is not kept. Clients that pass values as
        // variables, as they should, are served faster.
        if text.len() <= LONGEST_KEPT && !text.contains(['"', '#']) {
            self.kept.insert(text.to_owned(), document.clone());
        }
        Ok(document)
    }
}

impl Limits {
    fn parse(&self, text: &str) -> Result<Arc<ExecutableDocument>, ServerError> {
        let count = lexer::count(text, self.tokens);
        at_most(count.tokens, self.tokens, || "the document has too many tokens".to_owned())?;
        at_most(count.nesting, NESTING, || "the document nests brackets too deep".to_owned())?;
        at_most(count.directives, self.directives, || {
            format!("the document has {} directives", count.directives)
        })?;
        let document = parse_query(text).map_err(|error| unquoted(&error))?;
        let size = measure(&document)
            .map_err(|Circular| refusal("GRAPHQL_INVALID", "a fragment contains itself"))?;
        at_most(size.depth, self.depth, || format!("the document is {} fields deep", size.depth))?;
        at_most(size.about_types, TYPE_LISTS, || "the document asks about types too deep".to_owned())?;
        at_most(size.aliases, self.aliases, || {
            format!("the document has {} aliases and repeated fields", size.aliases)
        })?;
        at_most(size.directives, self.directives, || {
            format!("the document has {} directives", size.directives)
        })?;
        // Fragments may save words. They may not make more of a document than could be written without them.
        at_most(size.selections, self.tokens, || "the document's fragments repeat too much".to_owned())?;
        Ok(Arc::new(document))
    }
}

fn at_most(count: usize, most: usize, what: impl Fn() -> String) -> Result<(), ServerError> {
    if count <= most {
        return Ok(());
    }
    Err(refusal("LIMIT_EXCEEDED", format!("{}; at most {most} are answered", what())))
}

/// The parser's error without the line of the document that it quotes: a literal in it may be personal data.
fn unquoted(error: &async_graphql::parser::Error) -> ServerError {
    let place = error.positions().next();
    let at = place.map(|place| format!(": line {}, column {}", place.line, place.column)).unwrap_or_default();
    let mut told = refusal("GRAPHQL_INVALID", format!("the document is not GraphQL{at}"));
    told.locations = error.positions().collect();
    told
}

fn unknown() -> ServerError {
    refusal("DOCUMENT_NOT_FOUND", "there is no trusted document of this id")
}

/// An error of a request that was refused before anything ran.
pub fn refusal(code: &'static str, message: impl Into<String>) -> ServerError {
    let error = async_graphql::Error::new(message).extend_with(|_, extensions| extensions.set("code", code));
    ServerError { extensions: error.extensions, ..ServerError::new(error.message, None) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documents(max_aliases: usize) -> Documents {
        let config = GraphqlConfig {
            max_aliases,
            max_depth: 12,
            max_directives: 50,
            max_tokens: 1000,
            ..GraphqlConfig::default()
        };
        Documents::new(&config).expect("no list is read")
    }

    #[test]
    fn texts_with_literals_or_comments_are_not_kept() {
        let documents = documents(10);
        for (text, kept) in [
            ("query($id: ID!) { subject(id: $id) { id } }", true),
            ("{ search(value: \"hanako@example.org\") { id } }", false),
            ("{ search(value: \"\"\"hanako\"\"\") { id } }", false),
            ("{ viewer { id } } # asked for hanako@example.org", false),
        ] {
            assert!(documents.of_text(text).is_ok());
            assert_eq!(documents.kept.contains_key(text), kept, "{text}");
        }
    }

    #[test]
    fn a_refused_document_is_refused_again() {
        let documents = documents(2);
        for _ in 0..2 {
            assert!(documents.of_text("{ a: x b: x c: x }").is_err());
            assert!(documents.of_text("{ nothing").is_err());
        }
    }

    #[test]
    fn depth_without_end_is_refused_unparsed() {
        for (open, close) in [("{a", "}"), ("{a(x:[", "])}"), ("[", "]")] {
            let text = format!("{}{}", open.repeat(20_000), close.repeat(20_000));
            let error = documents(2).of_text(&text).expect_err("a limit");
            assert!(error.message.contains("too many tokens"), "{}", error.message);
        }
        let text = format!("{{a(x:{}{})}}", "[".repeat(70), "]".repeat(70));
        assert!(documents(2).of_text(&text).expect_err("a limit").message.contains("too deep"));
    }
}
