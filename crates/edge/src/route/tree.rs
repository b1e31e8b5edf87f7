//! Patterns as a tree of segments. The first pattern found in the order literal, `*`, `**` is the most specific one.

use super::pattern::{Pattern, Segment};

/// Index of a route in its table.
pub(crate) type RouteId = u32;

#[derive(Debug, Default)]
pub(crate) struct Tree {
    nodes: Vec<Node>,
}

#[derive(Debug, Default)]
struct Node {
    /// Sorted by text.
    literals: Vec<(Box<str>, usize)>,
    any: Option<usize>,
    /// Routes whose pattern ends here.
    end: Vec<RouteId>,
    /// Routes whose pattern ends here with `**`.
    rest: Vec<RouteId>,
}

impl Tree {
    pub(crate) fn new() -> Self {
        Self { nodes: vec![Node::default()] }
    }

    pub(crate) fn insert(&mut self, pattern: &Pattern, route: RouteId) {
        let mut at = 0;
        for segment in pattern.segments() {
            at = match segment {
                Segment::Rest => {
                    self.nodes[at].rest.push(route);
                    return;
                }
                Segment::Any => match self.nodes[at].any {
                    Some(next) => next,
                    None => {
                        let next = self.push();
                        self.nodes[at].any = Some(next);
                        next
                    }
                },
                Segment::Literal(text) => {
                    match self.nodes[at].literals.binary_search_by(|(known, _)| known.cmp(text)) {
                        Ok(found) => self.nodes[at].literals[found].1,
                        Err(place) => {
                            let next = self.push();
                            self.nodes[at].literals.insert(place, (text.clone(), next));
                            next
                        }
                    }
                }
            };
        }
        self.nodes[at].end.push(route);
    }

    fn push(&mut self) -> usize {
        self.nodes.push(Node::default());
        self.nodes.len() - 1
    }

    /// The routes of the most specific pattern that covers `path`, which begins with a slash; empty for none. They all
    /// have the same pattern.
    pub(crate) fn find(&self, path: &str) -> &[RouteId] {
        match path.strip_prefix('/') {
            Some(rest) => self.descend(0, Some(rest)).unwrap_or(&[]),
            None => &[],
        }
    }

    /// Visits a node at most once, and no deeper than patterns are.
    fn descend(&self, at: usize, path: Option<&str>) -> Option<&[RouteId]> {
        let node = &self.nodes[at];
        match path {
            None if !node.end.is_empty() => return Some(&node.end),
            None => {}
            Some(path) => {
                let (segment, rest) = match path.split_once('/') {
                    Some((segment, rest)) => (segment, Some(rest)),
                    None => (path, None),
                };
                if let Ok(found) = node.literals.binary_search_by(|(known, _)| (**known).cmp(segment))
                    && let Some(routes) = self.descend(node.literals[found].1, rest)
                {
                    return Some(routes);
                }
                if let Some(next) = node.any
                    && !segment.is_empty()
                    && let Some(routes) = self.descend(next, rest)
                {
                    return Some(routes);
                }
            }
        }
        if node.rest.is_empty() { None } else { Some(&node.rest) }
    }
}
