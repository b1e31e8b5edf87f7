//! The parts of the document as readers' programs see them.

/// A part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeId(pub u32);

/// What a part is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The level counts the title: 1.
    Heading {
        level: u8,
        text: String,
    },
    Paragraph,
    List {
        numbered: bool,
    },
    Item,
    Label,
    ItemBody,
    Table,
    Caption,
    Head,
    Body,
    Row,
    ColumnHeader,
    RowHeader,
    Cell {
        columns: u32,
    },
    Group,
    /// One of many in a file.
    Letter,
    Link,
    Strong,
    Emphasis,
}

/// Parts with what they are a part of.
#[derive(Default)]
pub struct Tree(Vec<(Kind, Option<NodeId>)>);

impl Tree {
    /// A new part.
    pub fn add(&mut self, kind: Kind, parent: Option<NodeId>) -> NodeId {
        // The limits of a document keep this far below 2³².
        let id = NodeId(u32::try_from(self.0.len()).unwrap_or(u32::MAX));
        self.0.push((kind, parent));
        id
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// What a part is.
    pub fn kind(&self, id: NodeId) -> &Kind {
        &self.0[id.0 as usize].0
    }

    /// What it is a part of.
    pub fn parent(&self, id: NodeId) -> Option<NodeId> {
        self.0[id.0 as usize].1
    }
}
