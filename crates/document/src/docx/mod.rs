//! DOCX for officers who edit: real styles, tables and lists, fonts by their names, open points highlighted.

mod body;
mod container;
mod parts;

use crate::check::Sheet;
use crate::model::State;

impl Sheet {
    /// The document as DOCX (Office Open XML, transitional).
    pub fn docx(&self) -> Vec<u8> {
        let document = self.document();
        let body = body::body(document);
        let draft = document.meta.state == State::Draft;
        let (identity, state) =
            (document.language.identity(&document.meta), document.language.state(document.meta.state));
        let mut container = container::Container::default();
        // The list of contents first, as Word writes it; some readers look at the first bytes.
        container.add("[Content_Types].xml", parts::CONTENT_TYPES);
        container.add("_rels/.rels", parts::RELATIONSHIPS);
        container.add("docProps/core.xml", &parts::core(document));
        container.add("docProps/app.xml", parts::APP);
        container.add("word/document.xml", &body.xml);
        container.add("word/_rels/document.xml.rels", &parts::document_relationships(&body.links));
        container.add("word/styles.xml", &parts::styles(document.language));
        container.add("word/numbering.xml", &parts::numbering(&body.lists));
        container.add("word/settings.xml", &parts::settings(document.language));
        container.add("word/fontTable.xml", parts::FONTS);
        container.add("word/header1.xml", &parts::header(&identity, state, draft));
        container.add("word/footer1.xml", parts::FOOTER);
        container.finish()
    }
}
