//! Limits that the library does not have: aliases. Depth, cost and directives are its own; the body is capped in `http`.

use std::sync::Arc;

use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextParseQuery};
use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};
use async_graphql::{ErrorExtensions, ServerError, ServerResult, Variables};

/// Most aliases in one document, and most repetitions of a field in one selection: `__typename` under a thousand names costs
/// nothing by the library's counting, and a field that stands twice is resolved twice before the answers are merged.
pub struct AliasLimit {
    pub max: usize,
}

impl ExtensionFactory for AliasLimit {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self { max: self.max })
    }
}

#[async_trait::async_trait]
impl Extension for AliasLimit {
    async fn parse_query(
        &self,
        context: &ExtensionContext<'_>,
        query: &str,
        variables: &Variables,
        next: NextParseQuery<'_>,
    ) -> ServerResult<ExecutableDocument> {
        let document = next.run(context, query, variables).await?;
        let operations =
            document.operations.iter().map(|(_, operation)| aliases(&operation.node.selection_set.node));
        let fragments =
            document.fragments.values().map(|fragment| aliases(&fragment.node.selection_set.node));
        let count: usize = operations.chain(fragments).sum();
        if count > self.max {
            let error = async_graphql::Error::new(format!(
                "the document has {count} aliases and repeated fields; at most {} are answered",
                self.max
            ))
            .extend_with(|_, extensions| extensions.set("code", "LIMIT_EXCEEDED"));
            return Err(ServerError {
                extensions: error.extensions.clone(),
                ..ServerError::new(error.message, None)
            });
        }
        Ok(document)
    }
}

fn aliases(set: &SelectionSet) -> usize {
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
                usize::from(field.node.alias.is_some()) + aliases(&field.node.selection_set.node)
            }
            Selection::InlineFragment(fragment) => aliases(&fragment.node.selection_set.node),
            Selection::FragmentSpread(_) => 0,
        })
        .sum();
    repeated + inner
}
