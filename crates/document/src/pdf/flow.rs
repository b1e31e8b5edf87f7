//! Blocks one below the other, over pages.

use super::face::Face;
use super::lines::{Line, break_lines, runs, stretch};
use super::page::{BOTTOM, Emphasis, Ground, Ink, Layer, Layout, MEASURE, Mark, Page, SIDE, Style, TOP};
use super::shape::{MissingMap, Shaped};
use super::tree::{Kind, NodeId, Tree};
use crate::model::{Block, Document, Item, Language, List, ListKind, Note, NoteKind};
use crate::rich::{Inline, Rich};

/// Size of the text: what Japanese offices print (10.5 points).
pub const SIZE: f32 = 10.5;

/// Lays a document out.
pub fn lay_out(document: &Document, face: &Face) -> Layout {
    let mut flow = Flow::new(document.language, face);
    flow.title(document);
    for (index, block) in document.blocks.iter().enumerate() {
        flow.block(block, document.blocks.get(index + 1));
    }
    flow.missing_note();
    flow.furniture(&document.meta);
    flow.finish()
}

/// Where the next block goes.
pub struct Flow<'a> {
    face: &'a Face,
    pub language: Language,
    pub(super) pages: Vec<Page>,
    /// Top of what comes next.
    pub y: f32,
    pub tree: Tree,
    pub(super) marks: Vec<Mark>,
    targets: Vec<String>,
    pub(super) missing: MissingMap,
    band: Option<Band>,
}

/// The ground of a note, which goes on over pages.
#[derive(Clone, Copy)]
struct Band {
    top: f32,
    ground: Ink,
    bar: Ink,
}

/// A text with the part of the document that each of its styles belongs to.
pub struct Text {
    pub shaped: Shaped,
    pub nodes: Vec<NodeId>,
}

/// Where lines of text stand.
#[derive(Clone, Copy)]
pub struct Setting {
    pub left: f32,
    pub width: f32,
    pub leading: f32,
    pub size: f32,
    /// Whether Japanese lines are made as long as the measure.
    pub justify: bool,
}

impl<'a> Flow<'a> {
    pub(super) fn new(language: Language, face: &'a Face) -> Self {
        Self {
            face,
            language,
            pages: vec![Page::default()],
            y: TOP,
            tree: Tree::default(),
            marks: Vec::new(),
            targets: Vec::new(),
            missing: MissingMap::new(),
            band: None,
        }
    }

    /// What was laid out.
    pub(super) fn finish(self) -> Layout {
        let Self { pages, tree, marks, targets, missing, .. } = self;
        Layout { pages, tree, marks, targets, missing }
    }

    /// Of the text, by its size.
    pub fn leading(&self, size: f32) -> f32 {
        size * if self.language == Language::Ja { 1.7 } else { 1.5 }
    }

    pub fn page(&mut self) -> &mut Page {
        if self.pages.is_empty() {
            self.pages.push(Page::default());
        }
        let last = self.pages.len() - 1;
        &mut self.pages[last]
    }

    pub fn new_page(&mut self) {
        self.close_band();
        self.pages.push(Page::default());
        self.y = TOP;
        if let Some(band) = &mut self.band {
            band.top = TOP - 6.0;
        }
    }

    /// Goes to the next page if there is less room than this.
    pub fn ensure(&mut self, height: f32) {
        if self.y + height > BOTTOM && self.y > TOP {
            self.new_page();
        }
    }

    /// Space between blocks; none at the top of a page.
    pub fn gap(&mut self, height: f32) {
        if self.y > TOP {
            self.y += height;
        }
    }

    fn setting(&self, indent: f32) -> Setting {
        let leading = self.leading(SIZE);
        Setting {
            left: SIDE + indent,
            width: MEASURE - indent,
            leading,
            size: SIZE,
            justify: self.language == Language::Ja,
        }
    }

    /// Shapes a text. Its styles become parts of their own where readers' programs should know of them.
    pub fn shape(&mut self, rich: &Rich, base: Style, node: NodeId) -> Text {
        let mut text = Text { shaped: Shaped::default(), nodes: Vec::with_capacity(rich.0.len()) };
        for inline in &rich.0 {
            let (words, style, part) = match inline {
                Inline::Text(words) => (words.as_str().into(), base, node),
                Inline::Strong(words) => {
                    (words.as_str().into(), base.strong(), self.tree.add(Kind::Strong, Some(node)))
                }
                Inline::Emphasis(words) => {
                    let emphasis =
                        if self.language == Language::Ja { Emphasis::Dots } else { Emphasis::Slant };
                    (
                        words.as_str().into(),
                        Style { emphasis, ..base },
                        self.tree.add(Kind::Emphasis, Some(node)),
                    )
                }
                Inline::Link { text, href } => {
                    let link = u32::try_from(self.targets.len()).ok();
                    self.targets.push(href.clone());
                    let style = Style { link, ink: Ink::Accent, ..base };
                    (text.as_str().into(), style, self.tree.add(Kind::Link, Some(node)))
                }
                Inline::Unknown { why } => {
                    let style = Style { open: true, ink: Ink::Open, ..base.strong() };
                    let mark: std::borrow::Cow<'_, str> = self.language.unknown(why).into();
                    (mark, style, self.tree.add(Kind::Strong, Some(node)))
                }
            };
            text.shaped.push(self.face, &mut self.missing, &words, style);
            text.nodes.push(part);
        }
        text.shaped = text.shaped.finish();
        text
    }

    /// Shapes a text of ours or one in one line.
    pub fn shape_plain(&mut self, words: &str, style: Style) -> Shaped {
        let mut shaped = Shaped::default();
        shaped.push(self.face, &mut self.missing, words, style);
        shaped.finish()
    }

    /// Puts one line at a place.
    pub fn line(
        &mut self,
        shaped: &Shaped,
        line: &Line,
        left: f32,
        top: f32,
        set: Setting,
        node: impl Fn(u16) -> Option<NodeId>,
    ) {
        let gap = if set.justify { stretch(shaped, line, set.width) } else { 0.0 };
        // Ascent and descent of the font are 0.88 and 0.12 of the size.
        let baseline = top + (set.leading - set.size) / 2.0 + set.size * 0.88;
        let runs = runs(shaped, line, left, baseline, gap, node);
        for run in &runs {
            if run.style.open {
                let height = run.style.size * 1.3;
                self.page().grounds.push(Ground {
                    layer: Layer::Mark,
                    left: run.left - 1.0,
                    top: run.baseline - run.style.size * 1.02,
                    width: run.width + 2.0,
                    height,
                    ink: Ink::OpenGround,
                });
            }
            if run.style.link.is_some() {
                self.rule(run.left, run.baseline + run.style.size * 0.14, run.width, 0.5, run.style.ink);
            }
        }
        self.page().runs.extend(runs);
    }

    /// Lines one below the other, over pages; no page begins or ends with a single line of a longer text. The label stands before
    /// the first of them.
    pub(super) fn flow_text(&mut self, text: &Text, set: Setting, label: Option<(&Shaped, NodeId)>) {
        let lines = break_lines(&text.shaped, set.width);
        if lines.is_empty() {
            self.ensure(set.leading);
            self.label(label, set);
            self.y += set.leading;
            return;
        }
        let mut done = 0;
        while done < lines.len() {
            let rest = lines.len() - done;
            let room = ((BOTTOM - self.y) / set.leading + 0.01).max(0.0) as usize;
            let mut take = rest.min(room);
            if take < rest && self.y > TOP {
                if rest - take == 1 && take > 2 {
                    take -= 1;
                }
                if done == 0 && take == 1 {
                    take = 0;
                }
                if take == 0 {
                    self.new_page();
                    continue;
                }
            }
            for line in &lines[done..done + take.max(1)] {
                if done == 0 {
                    self.label(label, set);
                }
                let top = self.y;
                self.line(&text.shaped, line, set.left, top, set, |style| {
                    text.nodes.get(usize::from(style)).copied()
                });
                self.y += set.leading;
                done += 1;
            }
        }
    }

    fn label(&mut self, label: Option<(&Shaped, NodeId)>, set: Setting) {
        let Some((shaped, node)) = label else { return };
        for line in break_lines(shaped, set.left) {
            let (left, top) = (set.left - line.width - 4.0, self.y);
            self.line(shaped, &line, left, top, Setting { justify: false, ..set }, |_| Some(node));
        }
    }

    fn title(&mut self, document: &Document) {
        let size = 17.0;
        let node = self.tree.add(Kind::Heading { level: 1, text: document.title.clone() }, None);
        self.marks.push(Mark { level: 0, text: document.title.clone(), page: 0, top: self.y - 6.0 });
        let shaped = self.shape_plain(&document.title, Style::new(size, Ink::Text).strong());
        let set = Setting { left: SIDE, width: MEASURE, leading: size * 1.5, size, justify: false };
        self.y += 10.0;
        for line in break_lines(&shaped, set.width) {
            let (left, top) = (SIDE + (MEASURE - line.width) / 2.0, self.y);
            self.line(&shaped, &line, left, top, set, |_| Some(node));
            self.y += set.leading;
        }
        self.y += 12.0;
        self.meta(&document.meta);
    }

    fn block(&mut self, block: &Block, next: Option<&Block>) {
        match block {
            Block::Heading { level, text } => self.heading(*level, text, next),
            Block::Paragraph(rich) => {
                let node = self.tree.add(Kind::Paragraph, None);
                self.paragraph(rich, node, 0.0);
                self.y += 6.0;
            }
            Block::List(list) => {
                self.list(list, None, 0.0);
                self.y += 6.0;
            }
            Block::Table(table) => self.table(table),
            Block::Fields(fields) => self.fields(fields),
            Block::Note(note) => self.note(note),
            Block::PageBreak => {
                if self.y > TOP {
                    self.new_page();
                }
            }
        }
    }

    fn paragraph(&mut self, rich: &Rich, node: NodeId, indent: f32) {
        let text = self.shape(rich, Style::new(SIZE, Ink::Text), node);
        self.flow_text(&text, self.setting(indent), None);
    }

    fn heading(&mut self, level: u8, words: &str, next: Option<&Block>) {
        let (size, before, after) = match level {
            1 => (14.0, 20.0, 8.0),
            2 => (12.0, 14.0, 5.0),
            3 => (11.0, 10.0, 4.0),
            _ => (SIZE, 8.0, 3.0),
        };
        let node = self.tree.add(Kind::Heading { level: level + 1, text: words.to_owned() }, None);
        let ink = if level == 1 { Ink::Accent } else { Ink::Text };
        let shaped = self.shape_plain(words, Style::new(size, ink).strong());
        let set = Setting { left: SIDE, width: MEASURE, leading: size * 1.5, size, justify: false };
        let lines = break_lines(&shaped, set.width);
        // A heading stays with what it heads: three lines of text, or the next heading with its own.
        let kept = if matches!(next, Some(Block::Heading { .. })) { 6.0 } else { 3.0 };
        self.gap(before);
        self.ensure(lines.len() as f32 * set.leading + after + kept * self.leading(SIZE));
        self.marks.push(Mark { level, text: words.to_owned(), page: self.pages.len() - 1, top: self.y });
        for line in lines {
            self.ensure(set.leading);
            let top = self.y;
            self.line(&shaped, &line, SIDE, top, set, |_| Some(node));
            self.y += set.leading;
        }
        if level == 1 {
            let top = self.y + 1.0;
            self.rule(SIDE, top, MEASURE, 1.2, Ink::Accent);
            self.y += 3.0;
        }
        self.y += after;
    }

    /// A line across.
    pub fn rule(&mut self, left: f32, top: f32, width: f32, height: f32, ink: Ink) {
        self.page().grounds.push(Ground { layer: Layer::Rule, left, top, width, height, ink });
    }

    fn list(&mut self, list: &List, parent: Option<NodeId>, indent: f32) {
        let numbered = list.kind == ListKind::Number;
        let node = self.tree.add(Kind::List { numbered }, parent);
        // As wide as the longest number.
        let digits = list.items.len().max(1).ilog10() as f32;
        let indent = indent + if numbered { 20.0 + digits * 7.0 } else { 18.0 };
        for (index, Item { text, nested }) in list.items.iter().enumerate() {
            let item = self.tree.add(Kind::Item, Some(node));
            let label_node = self.tree.add(Kind::Label, Some(item));
            let body = self.tree.add(Kind::ItemBody, Some(item));
            let label = if numbered { format!("{}.", index + 1) } else { "•".to_owned() };
            let label = self.shape_plain(&label, Style::new(SIZE, Ink::Text));
            let text = self.shape(text, Style::new(SIZE, Ink::Text), body);
            self.flow_text(&text, self.setting(indent), Some((&label, label_node)));
            if let Some(nested) = nested {
                self.list(nested, Some(body), indent);
            }
        }
    }

    pub(super) fn note(&mut self, note: &Note) {
        let (ground, bar) = match note.kind {
            NoteKind::Info => (Ink::NoteGround, Ink::Accent),
            NoteKind::Warning => (Ink::WarningGround, Ink::Alarm),
        };
        let group = self.tree.add(Kind::Group, None);
        self.gap(8.0);
        self.ensure(3.0 * self.leading(SIZE) + 12.0);
        self.band = Some(Band { top: self.y, ground, bar });
        self.y += 6.0;
        let node = self.tree.add(Kind::Paragraph, Some(group));
        let label = Rich::new().strong(self.language.note(note.kind));
        self.paragraph_in(&label, bar, node);
        for rich in &note.body {
            let node = self.tree.add(Kind::Paragraph, Some(group));
            self.paragraph_in(rich, Ink::Text, node);
        }
        self.close_band();
        self.band = None;
        self.y += 14.0;
    }

    fn paragraph_in(&mut self, rich: &Rich, ink: Ink, node: NodeId) {
        let text = self.shape(rich, Style::new(SIZE, ink), node);
        let set = self.setting(14.0);
        self.flow_text(&text, Setting { width: set.width - 10.0, ..set }, None);
    }

    fn close_band(&mut self) {
        let Some(Band { top, ground, bar }) = self.band else { return };
        let height = self.y + 6.0 - top;
        let grounds = &mut self.page().grounds;
        grounds.push(Ground { layer: Layer::Ground, left: SIDE, top, width: MEASURE, height, ink: ground });
        grounds.push(Ground { layer: Layer::Rule, left: SIDE, top, width: 3.5, height, ink: bar });
    }
}
