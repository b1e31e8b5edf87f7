//! How large a document is once its fragments are put in place. A fragment is measured once and multiplied: the size of
//! the answer may grow exponentially with the text, the time to find out may not.

use std::collections::HashMap;

use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};

/// Size with all fragments in place. All counts saturate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Fields and spreads.
    pub selections: usize,
    /// Aliases, and repetitions of a field in one selection: `__typename` under a thousand names costs nothing by the
    /// library's counting, and a field that stands twice is resolved twice before the answers are merged.
    pub aliases: usize,
    /// Directives on selections.
    pub directives: usize,
    /// Fields under fields. What lies under `__schema` and `__type` has a shape of its own and is not counted.
    pub depth: usize,
    /// Lists of fields or types in one another under `__schema` and `__type`: each multiplies the answer.
    pub about_types: usize,
    /// The same, wherever it stands.
    lists: usize,
}

impl Size {
    fn beside(self, other: Self) -> Self {
        Self {
            selections: self.selections.saturating_add(other.selections),
            aliases: self.aliases.saturating_add(other.aliases),
            directives: self.directives.saturating_add(other.directives),
            depth: self.depth.max(other.depth),
            about_types: self.about_types.max(other.about_types),
            lists: self.lists.max(other.lists),
        }
    }
}

/// A fragment that contains itself.
#[derive(Debug, PartialEq, Eq)]
pub struct Circular;

/// Measures all operations of a document together, whichever is executed.
///
/// # Errors
/// When a fragment contains itself, directly or through others.
pub fn measure(document: &ExecutableDocument) -> Result<Size, Circular> {
    let mut measured = Measured { document, fragments: HashMap::new() };
    let mut size = Size::default();
    for (_, operation) in document.operations.iter() {
        size.directives = size.directives.saturating_add(operation.node.directives.len());
        size = size.beside(measured.set(&operation.node.selection_set.node)?);
    }
    // Fragments that nothing uses are refused later; until then they must not be free.
    for name in document.fragments.keys() {
        measured.fragment(name)?;
    }
    Ok(size)
}

struct Measured<'a> {
    document: &'a ExecutableDocument,
    /// `None` while its inside is being measured.
    fragments: HashMap<&'a str, Option<Size>>,
}

impl<'a> Measured<'a> {
    fn set(&mut self, set: &'a SelectionSet) -> Result<Size, Circular> {
        let mut size = Size { aliases: repeated(set), ..Size::default() };
        for selection in &set.items {
            let (directives, inner) = match &selection.node {
                Selection::Field(field) => {
                    let field = &field.node;
                    let mut inner = self.set(&field.selection_set.node)?;
                    inner.aliases = inner.aliases.saturating_add(usize::from(field.alias.is_some()));
                    inner.depth = inner.depth.saturating_add(1);
                    match field.name.node.as_str() {
                        "__schema" | "__type" => (inner.depth, inner.about_types) = (1, inner.lists),
                        "fields" | "interfaces" | "possibleTypes" | "inputFields" => inner.lists += 1,
                        _ => {}
                    }
                    (field.directives.len(), inner)
                }
                Selection::InlineFragment(fragment) => {
                    (fragment.node.directives.len(), self.set(&fragment.node.selection_set.node)?)
                }
                Selection::FragmentSpread(spread) => {
                    (spread.node.directives.len(), self.fragment(&spread.node.fragment_name.node)?)
                }
            };
            size = size.beside(inner).beside(Size { selections: 1, directives, ..Size::default() });
        }
        Ok(size)
    }

    /// A fragment that does not exist has no size; validation refuses it.
    fn fragment(&mut self, name: &str) -> Result<Size, Circular> {
        let Some((name, fragment)) = self.document.fragments.get_key_value(name) else {
            return Ok(Size::default());
        };
        match self.fragments.get(name.as_str()) {
            Some(Some(size)) => return Ok(*size),
            Some(None) => return Err(Circular),
            None => {}
        }
        self.fragments.insert(name.as_str(), None);
        let size = self.set(&fragment.node.selection_set.node)?;
        self.fragments.insert(name.as_str(), Some(size));
        Ok(size)
    }
}

fn repeated(set: &SelectionSet) -> usize {
    let names = set.items.iter().filter_map(|selection| match &selection.node {
        Selection::Field(field) => Some(field.node.response_key().node.as_str()),
        _ => None,
    });
    let mut names: Vec<&str> = names.collect();
    let fields = names.len();
    names.sort_unstable();
    names.dedup();
    fields - names.len()
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    fn size(text: &str) -> Result<Size, Circular> {
        measure(&parse_query(text).expect("a document"))
    }

    #[test]
    fn fragments_count_where_they_are_spread() {
        let text = "{ a { ...F ...F } } fragment F on T { x: b { c } d d @skip(if: true) }";
        let expected = Size { selections: 11, aliases: 4, directives: 2, depth: 3, ..Size::default() };
        assert_eq!(size(text), Ok(expected));
    }

    #[test]
    fn what_doubles_forty_times_is_measured_at_once() {
        let doubling: String =
            (0..40).map(|n| format!("fragment F{n} on T {{ ...F{} ...F{} }} ", n + 1, n + 1)).collect();
        let size = size(&format!("{{ ...F0 }} {doubling} fragment F40 on T {{ a }}")).expect("a size");
        assert!(size.selections > 1 << 40, "{size:?}");
    }

    #[test]
    fn circles_are_found_also_unused_ones() {
        for text in [
            "{ ...F } fragment F on T { a { ...F } }",
            "{ ...F } fragment F on T { ...G } fragment G on T { ...F }",
            "{ a } fragment F on T { ...F }",
        ] {
            assert_eq!(size(text), Err(Circular), "{text}");
        }
    }

    #[test]
    fn questions_about_types_have_no_depth() {
        let size = size("{ __schema { types { fields { type { fields { name } } } } } }").expect("a size");
        assert_eq!((size.depth, size.about_types), (1, 2));
    }
}
