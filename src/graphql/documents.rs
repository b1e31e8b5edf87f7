//! Documents: parsed once, kept, and held against the limit that the library does not have: aliases. Depth, cost and
//! directives are its own; the body is capped in `http`.

use std::sync::Arc;

use async_graphql::parser::parse_query;
use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};
use async_graphql::{ErrorExtensions, Request, Response, ServerError};
use moka::sync::Cache;

/// Bytes of text whose documents are kept. A parsed document takes some twenty times its text.
const KEPT_BYTES: u64 = 512 * 1024;
/// Longer texts are not kept: a few of them would drive out all others.
const LONGEST_KEPT: usize = 16 * 1024;
/// Deeper selections are not counted; the library refuses them (`limit_recursive_depth`).
const DEPTH: usize = 64;

/// The documents of one service.
pub struct Documents {
    max_aliases: usize,
    kept: Cache<String, Arc<ExecutableDocument>>,
}

impl Documents {
    /// `max_aliases` bounds aliases in one document, and repetitions of a field in one selection: `__typename` under a
    /// thousand names costs nothing by the library's counting, and a field that stands twice is resolved twice before the
    /// answers are merged.
    pub fn new(max_aliases: usize) -> Self {
        let weight = |text: &String, _: &Arc<_>| u32::try_from(text.len()).unwrap_or(u32::MAX);
        Self { max_aliases, kept: Cache::builder().max_capacity(KEPT_BYTES).weigher(weight).build() }
    }

    /// Gives the request its document, or the answer that refuses it.
    ///
    /// # Errors
    /// The answer for a text that is no document or has too many aliases.
    pub fn prepare(&self, mut request: Request) -> Result<Request, Box<Response>> {
        let document = match self.kept.get(&request.query) {
            Some(document) => document,
            None => {
                self.parse(&request.query).map_err(|error| Box::new(Response::from_errors(vec![error])))?
            }
        };
        request.set_parsed_query((*document).clone());
        Ok(request)
    }

    fn parse(&self, text: &str) -> Result<Arc<ExecutableDocument>, ServerError> {
        let document = Arc::new(parse_query(text).map_err(|error| unquoted(&error))?);
        self.check(&document)?;
        // A text with literals or comments in it may hold personal data, which is not kept. Clients that pass values as
        // variables, as they should, are served faster.
        if text.len() <= LONGEST_KEPT && !text.contains(['"', '#']) {
            self.kept.insert(text.to_owned(), document.clone());
        }
        Ok(document)
    }

    fn check(&self, document: &ExecutableDocument) -> Result<(), ServerError> {
        let operations = document.operations.iter().map(|(_, operation)| &operation.node.selection_set.node);
        let fragments = document.fragments.values().map(|fragment| &fragment.node.selection_set.node);
        let count: usize = operations.chain(fragments).map(|set| aliases(set, DEPTH)).sum();
        if count <= self.max_aliases {
            return Ok(());
        }
        let error = async_graphql::Error::new(format!(
            "the document has {count} aliases and repeated fields; at most {} are answered",
            self.max_aliases
        ))
        .extend_with(|_, extensions| extensions.set("code", "LIMIT_EXCEEDED"));
        Err(ServerError { extensions: error.extensions.clone(), ..ServerError::new(error.message, None) })
    }
}

/// The parser's error without the line of the document that it quotes: a literal in it may be personal data.
fn unquoted(error: &async_graphql::parser::Error) -> ServerError {
    let place = error.positions().next();
    let at = place.map(|place| format!(": line {}, column {}", place.line, place.column)).unwrap_or_default();
    let mut told = ServerError::new(format!("the document is not GraphQL{at}"), place);
    told.locations = error.positions().collect();
    told
}

fn aliases(set: &SelectionSet, depth: usize) -> usize {
    let Some(depth) = depth.checked_sub(1) else { return 0 };
    let mut names: Vec<&str> = set
        .items
        .iter()
        .filter_map(|selection| match &selection.node {
            Selection::Field(field) => Some(field.node.response_key().node.as_str()),
            _ => None,
        })
        .collect();
    let fields = names.len();
    names.sort_unstable();
    names.dedup();
    let repeated = fields - names.len();
    let inner: usize = set
        .items
        .iter()
        .map(|selection| match &selection.node {
            Selection::Field(field) => {
                usize::from(field.node.alias.is_some()) + aliases(&field.node.selection_set.node, depth)
            }
            Selection::InlineFragment(fragment) => aliases(&fragment.node.selection_set.node, depth),
            Selection::FragmentSpread(_) => 0,
        })
        .sum();
    repeated + inner
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_with_literals_or_comments_are_not_kept() {
        let documents = Documents::new(10);
        for (text, kept) in [
            ("query($id: ID!) { subject(id: $id) { id } }", true),
            ("{ search(value: \"hanako@example.org\") { id } }", false),
            ("{ search(value: \"\"\"hanako\"\"\") { id } }", false),
            ("{ viewer { id } } # asked for hanako@example.org", false),
        ] {
            assert!(documents.prepare(Request::new(text)).is_ok());
            assert_eq!(documents.kept.contains_key(text), kept, "{text}");
        }
    }

    #[test]
    fn a_refused_document_is_refused_again() {
        let documents = Documents::new(2);
        for _ in 0..2 {
            assert!(documents.prepare(Request::new("{ a: x b: x c: x }")).is_err());
            assert!(documents.prepare(Request::new("{ nothing")).is_err());
        }
    }

    #[test]
    fn depth_without_end_is_left_to_the_library() {
        let text = format!("{}{}", "{a".repeat(60), "}".repeat(60));
        assert!(Documents::new(2).prepare(Request::new(text)).is_ok());
        let text = format!("{}{}", "{a".repeat(20_000), "}".repeat(20_000));
        let _ = Documents::new(2).prepare(Request::new(text));
    }
}
