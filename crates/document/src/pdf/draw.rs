//! From pages as data to the file.

use std::num::{NonZeroU16, NonZeroU32};
use std::ops::Range;

use krilla::action::{Action, LinkAction};
use krilla::annotation::{Annotation, LinkAnnotation, Target};
use krilla::color::rgb;
use krilla::configure::{Accessibility, Archival, ConfigurationBuilder};
use krilla::destination::XyzDestination;
use krilla::error::KrillaError;
use krilla::geom::{PathBuilder, Point, Rect, Transform};
use krilla::metadata::{DateTime, Metadata};
use krilla::num::NormalizedF32;
use krilla::outline::{Outline, OutlineNode};
use krilla::page::PageSettings;
use krilla::paint::{Fill, Stroke};
use krilla::surface::{Location, Surface};
use krilla::tagging::{
    Artifact, ArtifactType, ContentTag, Identifier, ListNumbering, Node, SpanTag, TableHeaderScope, Tag,
    TagGroup, TagKind, TagTree,
};
use krilla::text::{Glyph, GlyphId};
use krilla::{Document as File, SerializeSettings};

use super::face::Face;
use super::page::{Emphasis, HEIGHT, Ink, Layout, Mark, Page, Run, Style, WIDTH};
use super::shape::MissingMap;
use super::tree::{Kind, NodeId, Tree};
use super::{Missing, Pdf, PdfError};
use crate::model::{Document, Language};
use crate::moment::Moment;

/// A file that is being written: what is laid out is added part by part, so that the pages of many letters need not wait for each
/// other in memory.
pub struct Writer<'f> {
    face: &'f Face,
    file: File,
    tags: TagTree,
    marks: Vec<Mark>,
    missing: MissingMap,
    /// So far.
    pub pages: usize,
}

impl<'f> Writer<'f> {
    /// An empty file.
    pub fn new(face: &'f Face, language: Language) -> Result<Self, PdfError> {
        let configuration = ConfigurationBuilder::new()
            .with_archival_validator(Archival::A2_A)
            .with_accessibility_validator(Accessibility::UA1)
            .finish()
            .map_err(|_| PdfError("no such standards".to_owned()))?;
        let file = File::new_with(SerializeSettings { configuration, ..SerializeSettings::default() });
        let tags = TagTree::new().with_lang(Some(language.tag().to_owned()));
        Ok(Self { face, file, tags, marks: Vec::new(), missing: MissingMap::new(), pages: 0 })
    }

    /// Adds pages behind those that are there.
    pub fn add(&mut self, layout: Layout) -> Result<(), PdfError> {
        let Layout { pages, tree, marks, targets, missing } = layout;
        let before = self.pages;
        self.marks.extend(marks.into_iter().map(|mark| Mark { page: before + mark.page, ..mark }));
        for (text, (shown, count)) in missing {
            self.missing.entry(text).or_insert((shown, 0)).1 += count;
        }
        self.pages += pages.len();
        let mut parts = Parts::new(&tree);
        for page in pages {
            draw_page(&mut self.file, self.face, page, &targets, &mut parts)?;
        }
        parts.finish(&mut self.tags);
        Ok(())
    }

    /// Writes what was added.
    pub fn finish(mut self, metadata: Metadata) -> Result<Pdf, PdfError> {
        self.file.set_tag_tree(self.tags);
        self.file.set_outline(outline(self.marks));
        self.file.set_metadata(metadata);
        let bytes = self.file.finish().map_err(|error| refused(&error))?;
        let missing = self.missing.into_iter().map(|(text, (shown, count))| Missing { text, shown, count });
        Ok(Pdf { bytes, pages: self.pages, missing: missing.collect() })
    }
}

/// What the writer refused, by its names only: what stands behind them may be text of the document, which no error holds.
fn refused(error: &KrillaError) -> PdfError {
    let name = |error: String| {
        error.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default().to_owned()
    };
    PdfError(match error {
        KrillaError::Validation(errors) => {
            let names: Vec<_> = errors.iter().map(|(error, _)| name(format!("{error:?}"))).collect();
            names.join(", ")
        }
        error => name(format!("{error:?}")),
    })
}

/// What a document's file says of itself.
pub fn metadata(document: &Document) -> Metadata {
    let (meta, language) = (&document.meta, document.language);
    about(&document.title, language, meta.generated_at)
        .description(format!("{} ({})", language.identity(meta), language.state(meta.state)))
        .document_id(format!("{}\n{}\n{}", meta.number, meta.version, meta.source_digest))
}

/// What every file says of itself.
pub fn about(title: &str, language: Language, at: Moment) -> Metadata {
    let (hours, minutes) = (at.offset / 60, at.offset.unsigned_abs() % 60);
    let date = DateTime::new(at.year)
        .month(at.month)
        .day(at.day)
        .hour(at.hour)
        .minute(at.minute)
        .second(at.second)
        .utc_offset_hour(i8::try_from(hours).unwrap_or(0))
        .utc_offset_minute(u8::try_from(minutes).unwrap_or(0));
    Metadata::new()
        .title(title.to_owned())
        .language(language.tag().to_owned())
        .creator("Suimon".to_owned())
        .creation_date(date)
}

fn outline(marks: Vec<Mark>) -> Outline {
    // The way from the top to the last entry.
    let mut open: Vec<(u8, OutlineNode)> = Vec::new();
    let mut outline = Outline::new();
    for mark in marks {
        let node = OutlineNode::new(mark.text, XyzDestination::new(mark.page, Point::from_xy(0.0, mark.top)));
        close(&mut open, &mut outline, mark.level);
        open.push((mark.level, node));
    }
    close(&mut open, &mut outline, 0);
    outline
}

/// Ends entries down to a level. The title (0) has nothing below it: bookmarks one level deeper would help nobody.
fn close(open: &mut Vec<(u8, OutlineNode)>, outline: &mut Outline, level: u8) {
    while let Some((_, node)) = open.pop_if(|(last, _)| *last >= level || *last == 0) {
        match open.last_mut() {
            Some((_, parent)) => parent.push_child(node),
            None => outline.push_child(node),
        }
    }
}

fn draw_page(
    file: &mut File,
    face: &Face,
    mut page: Page,
    targets: &[String],
    parts: &mut Parts<'_>,
) -> Result<(), PdfError> {
    let settings = PageSettings::from_wh(WIDTH, HEIGHT).ok_or_else(|| PdfError("no page".to_owned()))?;
    let mut sheet = file.start_page_with(settings);
    let mut surface = sheet.surface();
    page.grounds.sort_by_key(|ground| ground.layer);
    surface.start_tagged(ContentTag::Artifact(Artifact::with_kind(ArtifactType::Layout)));
    surface.set_stroke(None);
    let mut ink = None;
    for ground in &page.grounds {
        if ink != Some(ground.ink) {
            ink = Some(ground.ink);
            surface.set_fill(Some(fill(ground.ink)));
        }
        let mut path = PathBuilder::new();
        if let Some(rect) = Rect::from_xywh(ground.left, ground.top, ground.width, ground.height) {
            path.push_rect(rect);
        }
        if let Some(path) = path.finish() {
            surface.draw_path(&path);
        }
    }
    surface.end_tagged();
    for run in &page.runs {
        let tag = match run.node {
            Some(_) => ContentTag::Span(SpanTag::empty()),
            None => ContentTag::Artifact(Artifact::with_kind(ArtifactType::PaginationOther)),
        };
        let identifier = surface.start_tagged(tag);
        draw_run(&mut surface, face, run);
        surface.end_tagged();
        if let Some(node) = run.node {
            parts.leaf(node, identifier);
        }
        if run.style.emphasis == Emphasis::Dots {
            surface.start_tagged(ContentTag::Artifact(Artifact::with_kind(ArtifactType::Layout)));
            draw_dots(&mut surface, run);
            surface.end_tagged();
        }
    }
    surface.finish();
    for run in &page.runs {
        let target = run.style.link.and_then(|link| targets.get(link as usize));
        let area = Rect::from_xywh(run.left, run.baseline - run.style.size, run.width, run.style.size * 1.25);
        if let (Some(target), Some(node), Some(area)) = (target, run.node, area) {
            let action = Target::Action(Action::Link(LinkAction::new(target.clone())));
            let link = Annotation::new_link(LinkAnnotation::new(area, action), Some(target.clone()));
            parts.leaf(node, sheet.add_tagged_annotation(link));
        }
    }
    sheet.finish();
    Ok(())
}

/// A glyph with the bytes of the run's text that it shows.
struct Shown {
    id: u16,
    advance: f32,
    shift: f32,
    text: Range<usize>,
}

impl Glyph for Shown {
    fn glyph_id(&self) -> GlyphId {
        GlyphId::new(u32::from(self.id))
    }

    fn text_range(&self) -> Range<usize> {
        self.text.clone()
    }

    fn x_advance(&self, size: f32) -> f32 {
        self.advance * size
    }

    fn x_offset(&self, size: f32) -> f32 {
        self.shift * size
    }

    fn y_offset(&self, _: f32) -> f32 {
        0.0
    }

    fn y_advance(&self, _: f32) -> f32 {
        0.0
    }

    fn location(&self) -> Option<Location> {
        None
    }
}

fn draw_run(surface: &mut Surface<'_>, face: &Face, run: &Run) {
    let Style { size, ink, strong, emphasis, .. } = run.style;
    let mut start = 0;
    let shown = |placed: &super::page::Placed| {
        let text = start..start + usize::from(placed.length);
        start = text.end;
        Shown { id: placed.id, advance: placed.advance, shift: placed.shift, text }
    };
    let glyphs: Vec<Shown> = run.glyphs.iter().map(shown).collect();
    surface.set_fill(Some(fill(ink)));
    // The font has one weight; a stroke of three hundredths of the size makes it bold.
    surface.set_stroke(strong.then(|| Stroke {
        paint: color(ink).into(),
        width: size * 0.03,
        ..Stroke::default()
    }));
    let slant = emphasis == Emphasis::Slant;
    if slant {
        surface.push_transform(&Transform::from_row(1.0, 0.0, -0.2, 1.0, run.baseline * 0.2, 0.0));
    }
    surface.draw_glyphs(Point::from_xy(run.left, run.baseline), &glyphs, face.font(), &run.text, size, false);
    if slant {
        surface.pop();
    }
    surface.set_stroke(None);
}

/// Dots over the characters of a run.
fn draw_dots(surface: &mut Surface<'_>, run: &Run) {
    let (size, radius) = (run.style.size, run.style.size * 0.07);
    let middle = run.baseline - size * 0.99;
    let mut left = run.left;
    let mut text = run.text.as_str();
    for glyph in &run.glyphs {
        let (shown, rest) = text.split_at_checked(usize::from(glyph.length)).unwrap_or((text, ""));
        text = rest;
        let at = left + glyph.advance * size / 2.0;
        left += glyph.advance * size;
        // Words are stressed, not the marks between them.
        if !shown.starts_with(char::is_alphanumeric) {
            continue;
        }
        // Four curves make a circle: 0.5523 is the usual handle.
        let handle = radius * 0.5523;
        let mut path = PathBuilder::new();
        path.move_to(at + radius, middle);
        path.cubic_to(at + radius, middle + handle, at + handle, middle + radius, at, middle + radius);
        path.cubic_to(at - handle, middle + radius, at - radius, middle + handle, at - radius, middle);
        path.cubic_to(at - radius, middle - handle, at - handle, middle - radius, at, middle - radius);
        path.cubic_to(at + handle, middle - radius, at + radius, middle - handle, at + radius, middle);
        path.close();
        if let Some(path) = path.finish() {
            surface.draw_path(&path);
        }
    }
}

fn color(ink: Ink) -> rgb::Color {
    let [red, green, blue] = ink.rgb();
    rgb::Color::new(red, green, blue)
}

fn fill(ink: Ink) -> Fill {
    Fill { paint: color(ink).into(), opacity: NormalizedF32::ONE, rule: krilla::paint::FillRule::default() }
}

/// The parts of the document with what stands on the pages. A part takes its place among its siblings when its first text is
/// drawn, so the order is the one in which people read.
struct Parts<'t> {
    tree: &'t Tree,
    children: Vec<Vec<Child>>,
    attached: Vec<bool>,
    roots: Vec<NodeId>,
}

enum Child {
    Part(NodeId),
    Leaf(Identifier),
}

impl<'t> Parts<'t> {
    fn new(tree: &'t Tree) -> Self {
        let children = (0..tree.len()).map(|_| Vec::new()).collect();
        Self { tree, children, attached: vec![false; tree.len()], roots: Vec::new() }
    }

    fn leaf(&mut self, node: NodeId, identifier: Identifier) {
        self.attach(node);
        self.children[node.0 as usize].push(Child::Leaf(identifier));
    }

    fn attach(&mut self, node: NodeId) {
        if std::mem::replace(&mut self.attached[node.0 as usize], true) {
            return;
        }
        match self.tree.parent(node) {
            Some(parent) => {
                self.attach(parent);
                self.children[parent.0 as usize].push(Child::Part(node));
            }
            None => self.roots.push(node),
        }
    }

    fn finish(mut self, tags: &mut TagTree) {
        for root in std::mem::take(&mut self.roots) {
            tags.push(self.group(root));
        }
    }

    fn group(&mut self, node: NodeId) -> TagGroup {
        let mut group = TagGroup::new(tag(self.tree.kind(node)));
        for child in std::mem::take(&mut self.children[node.0 as usize]) {
            match child {
                Child::Leaf(identifier) => group.push(Node::Leaf(identifier)),
                Child::Part(part) => {
                    let part = self.group(part);
                    group.push(part);
                }
            }
        }
        group
    }
}

fn tag(kind: &Kind) -> TagKind {
    match kind {
        Kind::Heading { level, text } => {
            Tag::Hn(NonZeroU16::new(u16::from(*level)).unwrap_or(NonZeroU16::MIN), Some(text.clone())).into()
        }
        Kind::Paragraph => Tag::P.into(),
        Kind::List { numbered: true } => Tag::L(ListNumbering::Decimal).into(),
        Kind::List { numbered: false } => Tag::L(ListNumbering::Disc).into(),
        Kind::Item => Tag::LI.into(),
        Kind::Label => Tag::Lbl.into(),
        Kind::ItemBody => Tag::LBody.into(),
        Kind::Table => Tag::Table.into(),
        Kind::Caption => Tag::Caption.into(),
        Kind::Head => Tag::THead.into(),
        Kind::Body => Tag::TBody.into(),
        Kind::Row => Tag::TR.into(),
        Kind::ColumnHeader => Tag::TH(TableHeaderScope::Column).into(),
        Kind::RowHeader => Tag::TH(TableHeaderScope::Row).into(),
        Kind::Cell { columns } => {
            Tag::TD.with_col_span(NonZeroU32::new(*columns).filter(|columns| columns.get() > 1)).into()
        }
        Kind::Letter => Tag::Article.into(),
        Kind::Group => Tag::Div.into(),
        Kind::Link => Tag::Link.into(),
        Kind::Strong => Tag::Strong.into(),
        Kind::Emphasis => Tag::Em.into(),
    }
}
