//! The text of the file.

use std::fmt::Write;

use crate::model::{Align, Block, Document, Field, Language, List, ListKind, Note, NoteKind, Table};
use crate::rich::{Inline, Rich};
use crate::xml::{escape, escaped};

/// Between the margins of an A4 page, in twentieths of a point.
const MEASURE: u32 = 9_406;

/// The main part with what other parts must know of.
pub struct Body {
    pub xml: String,
    /// Targets of links, by the order of their ids.
    pub links: Vec<String>,
    /// Lists, by the order of their ids: each counts for itself.
    pub lists: Vec<ListKind>,
}

/// Writes the main part.
pub fn body(document: &Document) -> Body {
    let xml = String::with_capacity(64 * 1024);
    let body = Body { xml, links: Vec::new(), lists: Vec::new() };
    let mut writer = Writer { body, language: document.language, widths: Vec::new() };
    writer.raw(concat!(
        r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>"#,
        r#"<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" "#,
        r#"xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><w:body>"#
    ));
    writer.paragraph("Title", "", |writer| writer.run("", &document.title));
    writer.meta(document);
    for block in &document.blocks {
        writer.block(block);
    }
    writer.raw(concat!(
        r#"<w:sectPr><w:headerReference w:type="default" r:id="header"/><w:footerReference w:type="default" r:id="footer"/>"#,
        r#"<w:pgSz w:w="11906" w:h="16838"/><w:pgMar w:top="1520" w:right="1250" w:bottom="1360" w:left="1250" w:header="760" w:footer="620" w:gutter="0"/>"#,
        r#"</w:sectPr></w:body></w:document>"#
    ));
    writer.body
}

struct Writer {
    body: Body,
    language: Language,
    /// Widths of the columns of the table that is being written.
    widths: Vec<u32>,
}

impl Writer {
    fn raw(&mut self, markup: &str) {
        self.body.xml.push_str(markup);
    }

    /// Markup of ours around values that the caller has escaped or that are numbers.
    fn put(&mut self, arguments: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = self.body.xml.write_fmt(arguments);
    }

    /// A paragraph in a style, with further properties.
    fn paragraph(&mut self, style: &str, properties: &str, content: impl FnOnce(&mut Self)) {
        self.put(format_args!(r#"<w:p><w:pPr><w:pStyle w:val="{style}"/>{properties}</w:pPr>"#));
        content(self);
        self.raw("</w:p>");
    }

    /// A text with properties of its characters.
    fn run(&mut self, properties: &str, text: &str) {
        self.raw("<w:r>");
        if !properties.is_empty() {
            self.put(format_args!("<w:rPr>{properties}</w:rPr>"));
        }
        for (index, line) in text.split('\n').enumerate() {
            if index > 0 {
                self.raw("<w:br/>");
            }
            for (index, piece) in line.split('\t').enumerate() {
                if index > 0 {
                    self.raw("<w:tab/>");
                }
                if !piece.is_empty() {
                    self.raw(r#"<w:t xml:space="preserve">"#);
                    escape(&mut self.body.xml, piece);
                    self.raw("</w:t>");
                }
            }
        }
        self.raw("</w:r>");
    }

    fn rich(&mut self, rich: &Rich) {
        for inline in &rich.0 {
            match inline {
                Inline::Text(text) => self.run("", text),
                Inline::Strong(text) => self.run(r#"<w:rStyle w:val="Strong"/>"#, text),
                Inline::Emphasis(text) => self.run(r#"<w:rStyle w:val="Emphasis"/>"#, text),
                Inline::Unknown { why } => {
                    let mark = self.language.unknown(why);
                    self.run(r#"<w:rStyle w:val="Unknown"/><w:highlight w:val="yellow"/>"#, &mark);
                }
                Inline::Link { text, href } => {
                    self.body.links.push(href.clone());
                    let id = self.body.links.len();
                    self.put(format_args!(r#"<w:hyperlink r:id="link{id}" w:history="1">"#));
                    self.run(r#"<w:rStyle w:val="Hyperlink"/>"#, text);
                    self.raw("</w:hyperlink>");
                }
            }
        }
    }

    fn meta(&mut self, document: &Document) {
        self.begin_table(&[28, 72], None);
        for (label, value) in self.language.meta(&document.meta) {
            self.raw("<w:tr>");
            self.cell(0, &label.into(), "TableText", Some("F5F8FA"), "");
            self.cell(1, &value.as_ref().into(), "TableText", None, "");
            self.raw("</w:tr>");
        }
        self.end_table();
    }

    fn block(&mut self, block: &Block) {
        match block {
            Block::Heading { level, text } => {
                self.paragraph(&format!("Heading{level}"), "", |writer| writer.run("", text));
            }
            Block::Paragraph(rich) => self.paragraph("BodyText", "", |writer| writer.rich(rich)),
            Block::List(list) => self.list(list, 0),
            Block::Table(table) => self.table(table),
            Block::Fields(fields) => self.fields(fields),
            Block::Note(Note { kind, body }) => {
                let style = match kind {
                    NoteKind::Info => "Note",
                    NoteKind::Warning => "Warning",
                };
                let label = Rich::new().strong(self.language.note(*kind));
                self.paragraph(style, "<w:keepNext/>", |writer| writer.rich(&label));
                for rich in body {
                    self.paragraph(style, "", |writer| writer.rich(rich));
                }
            }
            Block::PageBreak => self.raw(r#"<w:p><w:r><w:br w:type="page"/></w:r></w:p>"#),
        }
    }

    fn list(&mut self, list: &List, level: usize) {
        self.body.lists.push(list.kind);
        let id = self.body.lists.len();
        let properties = format!(r#"<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{id}"/></w:numPr>"#);
        for item in &list.items {
            self.paragraph("ListParagraph", &properties, |writer| writer.rich(&item.text));
            if let Some(nested) = &item.nested {
                self.list(nested, level + 1);
            }
        }
    }

    fn begin_table(&mut self, widths: &[u16], caption: Option<&str>) {
        self.raw(r#"<w:tbl><w:tblPr><w:tblStyle w:val="TableGrid"/>"#);
        self.put(format_args!(r#"<w:tblW w:w="{MEASURE}" w:type="dxa"/><w:tblLayout w:type="fixed"/>"#));
        self.raw(r#"<w:tblLook w:val="0020" w:firstRow="1" w:lastRow="0" w:firstColumn="0" w:lastColumn="0" w:noHBand="1" w:noVBand="1"/>"#);
        if let Some(caption) = caption {
            self.put(format_args!(r#"<w:tblCaption w:val="{}"/>"#, escaped(caption)));
        }
        self.raw("</w:tblPr><w:tblGrid>");
        let sum: u32 = widths.iter().copied().map(u32::from).sum();
        let share = |width: &u16| (MEASURE * u32::from(*width) / sum.max(1)).max(300);
        self.widths = widths.iter().map(share).collect();
        for width in widths.iter().map(share) {
            self.put(format_args!(r#"<w:gridCol w:w="{width}"/>"#));
        }
        self.raw("</w:tblGrid>");
    }

    /// A table must be followed by a paragraph; a small one keeps the distance too.
    fn end_table(&mut self) {
        self.raw(r#"</w:tbl><w:p><w:pPr><w:pStyle w:val="AfterTable"/></w:pPr></w:p>"#);
    }

    fn header(&mut self, headers: &[(&str, Align)]) {
        self.raw("<w:tr><w:trPr><w:cantSplit/><w:tblHeader/></w:trPr>");
        for (index, (header, align)) in headers.iter().enumerate() {
            let justification = justification(*align);
            self.cell(index, &(*header).into(), "TableHeader", Some("E6EEF2"), justification);
        }
        self.raw("</w:tr>");
    }

    fn cell(&mut self, index: usize, rich: &Rich, style: &str, ground: Option<&str>, properties: &str) {
        let width = self.widths.get(index).copied().unwrap_or_default();
        self.put(format_args!(r#"<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/>"#));
        if let Some(ground) = ground {
            self.put(format_args!(r#"<w:shd w:val="clear" w:color="auto" w:fill="{ground}"/>"#));
        }
        self.raw("</w:tcPr>");
        self.paragraph(style, properties, |writer| writer.rich(rich));
        self.raw("</w:tc>");
    }

    fn table(&mut self, table: &Table) {
        if let Some(caption) = &table.caption {
            self.paragraph("Caption", "<w:keepNext/>", |writer| writer.run("", caption));
        }
        let widths: Vec<_> = table.columns.iter().map(|column| column.width).collect();
        self.begin_table(&widths, table.caption.as_deref());
        let headers: Vec<_> =
            table.columns.iter().map(|column| (column.header.as_str(), column.align)).collect();
        self.header(&headers);
        for row in &table.rows {
            self.raw("<w:tr>");
            for (index, (cell, column)) in row.iter().zip(&table.columns).enumerate() {
                let ground = (table.row_headers && index == 0).then_some("F5F8FA");
                self.cell(index, cell, "TableText", ground, justification(column.align));
            }
            self.raw("</w:tr>");
        }
        if table.rows.is_empty() {
            self.no_rows(table.columns.len());
        }
        self.end_table();
    }

    fn no_rows(&mut self, columns: usize) {
        self.put(format_args!(r#"<w:tr><w:tc><w:tcPr><w:tcW w:w="{MEASURE}" w:type="dxa"/><w:gridSpan w:val="{columns}"/></w:tcPr>"#));
        let words = self.language.no_rows();
        self.paragraph("TableText", "", |writer| writer.run("", words));
        self.raw("</w:tc></w:tr>");
    }

    fn fields(&mut self, fields: &[Field]) {
        self.begin_table(&[9, 29, 62], None);
        let headers = self.language.field_headers().map(|header| (header, Align::Start));
        self.header(&headers);
        for Field { number, label, value } in fields {
            self.raw("<w:tr>");
            self.cell(0, &number.as_str().into(), "TableText", None, "");
            self.cell(1, &label.as_str().into(), "TableText", Some("F5F8FA"), "");
            self.cell(2, &value.to_rich(), "TableText", None, "");
            self.raw("</w:tr>");
        }
        if fields.is_empty() {
            self.no_rows(3);
        }
        self.end_table();
    }
}

fn justification(align: Align) -> &'static str {
    match align {
        Align::Start => "",
        Align::End => r#"<w:jc w:val="right"/>"#,
    }
}
