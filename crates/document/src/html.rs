//! One HTML file that needs nothing else: no script, no picture, no font, no reference that a reader's program would fetch. Its
//! elements are closed as in XML, so that both kinds of reader take it.

use std::fmt::Write;

use crate::check::Sheet;
use crate::model::{Align, Block, Document, Field, Language, List, ListKind, Note, NoteKind, State, Table};
use crate::rich::{Inline, Rich, Value};
use crate::xml::{escape, escaped};

/// Headings from which a table of contents helps.
const CONTENTS_FROM: usize = 4;

impl Sheet {
    /// The document as one HTML file.
    pub fn html(&self) -> String {
        let document = self.document();
        let mut html = Html { out: String::with_capacity(16 * 1024), language: document.language };
        html.document(document);
        html.out
    }
}

struct Html {
    out: String,
    language: Language,
}

impl Html {
    /// Markup of ours.
    fn raw(&mut self, markup: &str) {
        self.out.push_str(markup);
    }

    /// Markup of ours around values that the caller has escaped or that are numbers.
    fn put(&mut self, arguments: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = self.out.write_fmt(arguments);
    }

    fn text(&mut self, text: &str) {
        for (index, line) in text.split('\n').enumerate() {
            if index > 0 {
                self.raw("<br/>");
            }
            escape(&mut self.out, line);
        }
    }

    fn document(&mut self, document: &Document) {
        let Document { title, language, meta, blocks } = document;
        self.put(format_args!("<!doctype html>\n<html lang=\"{}\">\n<head>\n", language.tag()));
        self.raw("<meta charset=\"utf-8\"/>\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n");
        self.raw("<meta name=\"robots\" content=\"noindex\"/>\n");
        // Nothing is fetched or run, whatever a value might have managed.
        self.raw("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n");
        self.put(format_args!(
            "<title>{}</title>\n<style>\n{}</style>\n",
            escaped(title),
            include_str!("html.css")
        ));
        self.raw("</head>\n<body>\n<header>\n");
        let (class, state) = match meta.state {
            State::Draft => (" draft", language.state(State::Draft)),
            State::Final => ("", language.state(State::Final)),
        };
        self.put(format_args!("<p class=\"state{class}\">{state}</p>\n<h1>{}</h1>\n<dl>\n", escaped(title)));
        for (label, value) in language.meta(meta) {
            self.put(format_args!("<dt>{label}</dt><dd>{}</dd>\n", escaped(&value)));
        }
        self.raw("</dl>\n</header>\n");
        self.contents(blocks);
        self.raw("<main>\n");
        let mut break_before = false;
        let mut headings = 0;
        for block in blocks {
            if matches!(block, Block::PageBreak) {
                break_before = true;
                continue;
            }
            if std::mem::take(&mut break_before) {
                self.raw("<div class=\"page-break\"></div>\n");
            }
            self.block(block, &mut headings);
        }
        self.raw("</main>\n</body>\n</html>\n");
    }

    fn contents(&mut self, blocks: &[Block]) {
        let headings = blocks.iter().filter_map(|block| match block {
            Block::Heading { level, text } => Some((*level, text)),
            _ => None,
        });
        let headings: Vec<_> = headings.enumerate().filter(|(_, (level, _))| *level <= 2).collect();
        if headings.len() < CONTENTS_FROM {
            return;
        }
        let title = self.language.contents();
        self.put(format_args!("<nav aria-label=\"{title}\">\n<p><strong>{title}</strong></p>\n<ol>\n"));
        for (index, (level, text)) in headings {
            let number = index + 1;
            self.put(format_args!(
                "<li class=\"l{level}\"><a href=\"#s{number}\">{}</a></li>\n",
                escaped(text)
            ));
        }
        self.raw("</ol>\n</nav>\n");
    }

    fn block(&mut self, block: &Block, headings: &mut usize) {
        match block {
            Block::Heading { level, text } => {
                *headings += 1;
                let level = level + 1;
                self.put(format_args!("<h{level} id=\"s{headings}\">{}</h{level}>\n", escaped(text)));
            }
            Block::Paragraph(rich) => {
                self.raw("<p>");
                self.rich(rich);
                self.raw("</p>\n");
            }
            Block::List(list) => self.list(list),
            Block::Table(table) => self.table(table),
            Block::Fields(fields) => self.fields(fields),
            Block::Note(note) => self.note(note),
            Block::PageBreak => {}
        }
    }

    fn rich(&mut self, rich: &Rich) {
        for inline in &rich.0 {
            match inline {
                Inline::Text(text) => self.text(text),
                Inline::Strong(text) => self.wrapped("strong", text),
                Inline::Emphasis(text) => self.wrapped("em", text),
                Inline::Link { text, href } => {
                    self.put(format_args!("<a href=\"{}\" rel=\"noreferrer\">", escaped(href)));
                    self.text(text);
                    self.raw("</a>");
                }
                Inline::Unknown { why } => self.unknown(why),
            }
        }
    }

    fn wrapped(&mut self, element: &str, text: &str) {
        self.put(format_args!("<{element}>"));
        self.text(text);
        self.put(format_args!("</{element}>"));
    }

    fn unknown(&mut self, why: &str) {
        self.raw("<span class=\"unknown\">");
        let mark = self.language.unknown(why);
        self.text(&mark);
        self.raw("</span>");
    }

    fn list(&mut self, list: &List) {
        let element = match list.kind {
            ListKind::Bullet => "ul",
            ListKind::Number => "ol",
        };
        self.put(format_args!("<{element}>\n"));
        for item in &list.items {
            self.raw("<li>");
            self.rich(&item.text);
            if let Some(nested) = &item.nested {
                self.raw("\n");
                self.list(nested);
            }
            self.raw("</li>\n");
        }
        self.put(format_args!("</{element}>\n"));
    }

    fn columns(&mut self, widths: &[u16]) {
        let sum: u32 = widths.iter().copied().map(u32::from).sum();
        self.raw("<colgroup>");
        for width in widths {
            let permille = u32::from(*width) * 1000 / sum.max(1);
            self.put(format_args!("<col style=\"width:{}.{}%\"/>", permille / 10, permille % 10));
        }
        self.raw("</colgroup>\n");
    }

    fn table(&mut self, table: &Table) {
        self.raw("<table>\n");
        if let Some(caption) = &table.caption {
            self.put(format_args!("<caption>{}</caption>\n", escaped(caption)));
        }
        self.columns(&table.columns.iter().map(|column| column.width).collect::<Vec<_>>());
        self.raw("<thead>\n<tr>");
        for column in &table.columns {
            self.put(format_args!(
                "<th scope=\"col\"{}>{}</th>",
                class(column.align),
                escaped(&column.header)
            ));
        }
        self.raw("</tr>\n</thead>\n<tbody>\n");
        for row in &table.rows {
            self.raw("<tr>");
            for (index, (cell, column)) in row.iter().zip(&table.columns).enumerate() {
                let header = table.row_headers && index == 0;
                let (open, close) = if header { ("th scope=\"row\"", "th") } else { ("td", "td") };
                self.put(format_args!("<{open}{}>", class(column.align)));
                self.rich(cell);
                self.put(format_args!("</{close}>"));
            }
            self.raw("</tr>\n");
        }
        if table.rows.is_empty() {
            let (count, words) = (table.columns.len(), self.language.no_rows());
            self.put(format_args!("<tr><td colspan=\"{count}\">{words}</td></tr>\n"));
        }
        self.raw("</tbody>\n</table>\n");
    }

    fn fields(&mut self, fields: &[Field]) {
        self.raw("<table class=\"fields\">\n");
        self.columns(&[10, 30, 60]);
        let [number, label, value] = self.language.field_headers();
        self.raw("<thead>\n<tr>");
        self.put(format_args!(
            "<th scope=\"col\">{number}</th><th scope=\"col\">{label}</th><th scope=\"col\">{value}</th>"
        ));
        self.raw("</tr>\n</thead>\n<tbody>\n");
        for Field { number, label, value } in fields {
            let (number, label) = (escaped(number), escaped(label));
            self.put(format_args!("<tr><td>{number}</td><th scope=\"row\">{label}</th><td>"));
            match value {
                Value::Known(rich) => self.rich(rich),
                Value::Unknown { why } => self.unknown(why),
                Value::Choices(choices) => {
                    self.raw("<ul class=\"choices\">");
                    for choice in choices {
                        let (mark, label) = (choice.mark(), escaped(&choice.label));
                        let said = self.language.chosen(choice.chosen);
                        self.put(format_args!("<li><span aria-hidden=\"true\">{mark} </span>"));
                        match choice.chosen {
                            true => self.put(format_args!("<strong>{label}</strong>")),
                            false => self.raw(&label),
                        }
                        self.put(format_args!("<span class=\"hidden\">{said}</span></li>"));
                    }
                    self.raw("</ul>");
                }
            }
            self.raw("</td></tr>\n");
        }
        self.raw("</tbody>\n</table>\n");
    }

    fn note(&mut self, note: &Note) {
        let class = match note.kind {
            NoteKind::Info => "note",
            NoteKind::Warning => "note warning",
        };
        let label = self.language.note(note.kind);
        self.put(format_args!("<div class=\"{class}\" role=\"note\">\n<p><strong>{label}</strong></p>\n"));
        for rich in &note.body {
            self.raw("<p>");
            self.rich(rich);
            self.raw("</p>\n");
        }
        self.raw("</div>\n");
    }
}

fn class(align: Align) -> &'static str {
    match align {
        Align::Start => "",
        Align::End => " class=\"end\"",
    }
}
