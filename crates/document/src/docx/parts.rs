//! The parts beside the text: styles, numbering, fonts, head and foot.

use std::fmt::Write;

use crate::model::{Document, Language, ListKind};
use crate::xml::escaped;

const XML: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>"#;
const W: &str = r#"xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main""#;

pub const CONTENT_TYPES: &str = concat!(
    r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>"#,
    r#"<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">"#,
    r#"<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>"#,
    r#"<Default Extension="xml" ContentType="application/xml"/>"#,
    r#"<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/>"#,
    r#"<Override PartName="/word/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.styles+xml"/>"#,
    r#"<Override PartName="/word/numbering.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.numbering+xml"/>"#,
    r#"<Override PartName="/word/settings.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.settings+xml"/>"#,
    r#"<Override PartName="/word/fontTable.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.fontTable+xml"/>"#,
    r#"<Override PartName="/word/header1.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.header+xml"/>"#,
    r#"<Override PartName="/word/footer1.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.footer+xml"/>"#,
    r#"<Override PartName="/docProps/core.xml" ContentType="application/vnd.openxmlformats-package.core-properties+xml"/>"#,
    r#"<Override PartName="/docProps/app.xml" ContentType="application/vnd.openxmlformats-officedocument.extended-properties+xml"/>"#,
    r#"</Types>"#
);

pub const RELATIONSHIPS: &str = concat!(
    r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>"#,
    r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">"#,
    r#"<Relationship Id="document" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/>"#,
    r#"<Relationship Id="core" Type="http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties" Target="docProps/core.xml"/>"#,
    r#"<Relationship Id="app" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/extended-properties" Target="docProps/app.xml"/>"#,
    r#"</Relationships>"#
);

pub const APP: &str = concat!(
    r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>"#,
    r#"<Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/extended-properties"><Application>Suimon</Application></Properties>"#
);

/// Named, not embedded: Windows and Office bring them. The second name is the one that a Japanese system shows.
pub const FONTS: &str = concat!(
    r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>"#,
    r#"<w:fonts xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">"#,
    r#"<w:font w:name="BIZ UDPGothic"><w:altName w:val="BIZ UDPゴシック"/><w:charset w:val="80"/><w:family w:val="swiss"/><w:pitch w:val="variable"/></w:font>"#,
    r#"<w:font w:name="Yu Gothic"><w:altName w:val="游ゴシック"/><w:charset w:val="80"/><w:family w:val="swiss"/><w:pitch w:val="variable"/></w:font>"#,
    r#"</w:fonts>"#
);

pub const FOOTER: &str = concat!(
    r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>"#,
    r#"<w:ftr xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:p><w:pPr><w:pStyle w:val="Footer"/></w:pPr>"#,
    r#"<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText xml:space="preserve"> PAGE </w:instrText></w:r><w:r><w:fldChar w:fldCharType="separate"/></w:r><w:r><w:t>1</w:t></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r>"#,
    r#"<w:r><w:t xml:space="preserve"> / </w:t></w:r>"#,
    r#"<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText xml:space="preserve"> NUMPAGES </w:instrText></w:r><w:r><w:fldChar w:fldCharType="separate"/></w:r><w:r><w:t>1</w:t></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r>"#,
    r#"</w:p></w:ftr>"#
);

/// Title, language and date for whoever lists files.
pub fn core(document: &Document) -> String {
    let meta = &document.meta;
    let (title, number) = (escaped(&document.title), escaped(&meta.number));
    let (version, digest) = (escaped(&meta.version), escaped(&meta.source_digest));
    let (language, state, at) =
        (document.language.tag(), document.language.state(meta.state), meta.generated_at);
    format!(
        concat!(
            "{}",
            r#"<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">"#,
            "<dc:title>{}</dc:title><dc:subject>{}</dc:subject><dc:creator>Suimon</dc:creator><dc:description>{}</dc:description><dc:language>{}</dc:language>",
            r#"<dcterms:created xsi:type="dcterms:W3CDTF">{}</dcterms:created><dcterms:modified xsi:type="dcterms:W3CDTF">{}</dcterms:modified>"#,
            "<cp:contentStatus>{}</cp:contentStatus><cp:version>{}</cp:version></cp:coreProperties>",
        ),
        XML, title, number, digest, language, at, at, state, version
    )
}

/// Where links and parts lie.
pub fn document_relationships(links: &[String]) -> String {
    let mut out = format!(
        r#"{XML}<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">"#
    );
    let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    for (id, kind, target) in [
        ("styles", "styles", "styles.xml"),
        ("numbering", "numbering", "numbering.xml"),
        ("settings", "settings", "settings.xml"),
        ("fonts", "fontTable", "fontTable.xml"),
        ("header", "header", "header1.xml"),
        ("footer", "footer", "footer1.xml"),
    ] {
        let _ = write!(out, r#"<Relationship Id="{id}" Type="{office}/{kind}" Target="{target}"/>"#);
    }
    for (index, link) in links.iter().enumerate() {
        let (id, link) = (index + 1, escaped(link));
        let _ = write!(
            out,
            r#"<Relationship Id="link{id}" Type="{office}/hyperlink" Target="{link}" TargetMode="External"/>"#
        );
    }
    out + "</Relationships>"
}

/// Number, version and state on every page.
pub fn header(identity: &str, state: &str, draft: bool) -> String {
    let color = if draft { "8C1D18" } else { "0B4F69" };
    let identity = escaped(identity);
    format!(
        concat!(
            r#"{}<w:hdr {}><w:p><w:pPr><w:pStyle w:val="Header"/></w:pPr><w:r><w:t xml:space="preserve">{}</w:t></w:r><w:r><w:tab/></w:r>"#,
            r#"<w:r><w:rPr><w:b/><w:color w:val="{}"/><w:bdr w:val="single" w:sz="8" w:space="0" w:color="{}"/></w:rPr><w:t xml:space="preserve"> {} </w:t></w:r></w:p></w:hdr>"#,
        ),
        XML, W, identity, color, color, state
    )
}

/// The language for Word's own words and its checks of spelling.
pub fn settings(language: Language) -> String {
    let tag = latin(language);
    format!(
        concat!(
            r#"{}<w:settings {}><w:zoom w:percent="100"/><w:defaultTabStop w:val="840"/><w:characterSpacingControl w:val="compressPunctuation"/>"#,
            r#"<w:compat><w:compatSetting w:name="compatibilityMode" w:uri="http://schemas.microsoft.com/office/word" w:val="15"/></w:compat>"#,
            r#"<w:themeFontLang w:val="{}" w:eastAsia="ja-JP"/></w:settings>"#,
        ),
        XML, W, tag
    )
}

fn latin(language: Language) -> &'static str {
    language.say("en-US", "en-GB")
}

/// One definition for bullets and one for numbers; each list counts for itself.
pub fn numbering(lists: &[ListKind]) -> String {
    let mut out = format!("{XML}<w:numbering {W}>");
    for (id, format, text) in [(0, "bullet", "•"), (1, "decimal", "")] {
        let _ =
            write!(out, r#"<w:abstractNum w:abstractNumId="{id}"><w:multiLevelType w:val="multilevel"/>"#);
        for level in 0..4 {
            let text = if text.is_empty() { format!("%{}.", level + 1) } else { text.to_owned() };
            let left = 420 * (level + 1);
            let _ = write!(
                out,
                r#"<w:lvl w:ilvl="{level}"><w:start w:val="1"/><w:numFmt w:val="{format}"/><w:lvlText w:val="{text}"/><w:lvlJc w:val="left"/><w:pPr><w:ind w:left="{left}" w:hanging="420"/></w:pPr></w:lvl>"#
            );
        }
        out.push_str("</w:abstractNum>");
    }
    for (index, kind) in lists.iter().enumerate() {
        let (id, definition) = (index + 1, if *kind == ListKind::Bullet { 0 } else { 1 });
        let _ = write!(out, r#"<w:num w:numId="{id}"><w:abstractNumId w:val="{definition}"/>"#);
        for level in 0..4 {
            let _ = write!(
                out,
                r#"<w:lvlOverride w:ilvl="{level}"><w:startOverride w:val="1"/></w:lvlOverride>"#
            );
        }
        out.push_str("</w:num>");
    }
    out + "</w:numbering>"
}

/// Styles by the names that Word knows, so that its navigation and its table of contents work.
pub fn styles(language: Language) -> String {
    let emphasis = match language {
        Language::Ja => r#"<w:em w:val="dot"/>"#,
        Language::En => "<w:i/>",
    };
    let latin = latin(language);
    let mut out = format!(
        concat!(
            r#"{}<w:styles {}><w:docDefaults><w:rPrDefault><w:rPr><w:rFonts w:ascii="BIZ UDPGothic" w:hAnsi="BIZ UDPGothic" w:eastAsia="BIZ UDPGothic" w:cs="BIZ UDPGothic"/>"#,
            r#"<w:color w:val="16202A"/><w:sz w:val="21"/><w:szCs w:val="21"/><w:lang w:val="{}" w:eastAsia="ja-JP" w:bidi="ar-SA"/></w:rPr></w:rPrDefault>"#,
            r#"<w:pPrDefault><w:pPr><w:kinsoku/><w:overflowPunct/><w:spacing w:line="320" w:lineRule="atLeast"/></w:pPr></w:pPrDefault></w:docDefaults>"#,
        ),
        XML, W, latin
    );
    // Id, name, what it builds on, properties of paragraphs, of characters.
    for (id, name, base, paragraph, run) in [
        ("Normal", "Normal", "", "", ""),
        ("BodyText", "Body Text", "Normal", r#"<w:spacing w:after="120"/>"#, ""),
        (
            "Title",
            "Title",
            "Normal",
            r#"<w:spacing w:before="200" w:after="240"/><w:jc w:val="center"/>"#,
            r#"<w:b/><w:sz w:val="34"/><w:szCs w:val="34"/>"#,
        ),
        (
            "Heading1",
            "heading 1",
            "Normal",
            r#"<w:keepNext/><w:pBdr><w:bottom w:val="single" w:sz="10" w:space="2" w:color="0B4F69"/></w:pBdr><w:spacing w:before="400" w:after="160"/><w:outlineLvl w:val="0"/>"#,
            r#"<w:b/><w:color w:val="0B4F69"/><w:sz w:val="28"/><w:szCs w:val="28"/>"#,
        ),
        (
            "Heading2",
            "heading 2",
            "Normal",
            r#"<w:keepNext/><w:spacing w:before="280" w:after="100"/><w:outlineLvl w:val="1"/>"#,
            r#"<w:b/><w:sz w:val="24"/><w:szCs w:val="24"/>"#,
        ),
        (
            "Heading3",
            "heading 3",
            "Normal",
            r#"<w:keepNext/><w:spacing w:before="200" w:after="80"/><w:outlineLvl w:val="2"/>"#,
            r#"<w:b/><w:sz w:val="22"/><w:szCs w:val="22"/>"#,
        ),
        (
            "Heading4",
            "heading 4",
            "Normal",
            r#"<w:keepNext/><w:spacing w:before="160" w:after="60"/><w:outlineLvl w:val="3"/>"#,
            "<w:b/>",
        ),
        ("ListParagraph", "List Paragraph", "Normal", "", ""),
        (
            "Caption",
            "caption",
            "Normal",
            r#"<w:keepNext/><w:spacing w:before="120" w:after="40"/>"#,
            r#"<w:b/><w:sz w:val="20"/>"#,
        ),
        (
            "TableText",
            "Table Text",
            "Normal",
            r#"<w:spacing w:before="40" w:after="40" w:line="260" w:lineRule="atLeast"/>"#,
            r#"<w:sz w:val="19"/><w:szCs w:val="19"/>"#,
        ),
        ("TableHeader", "Table Header", "TableText", "", "<w:b/>"),
        (
            "AfterTable",
            "After Table",
            "Normal",
            r#"<w:spacing w:line="160" w:lineRule="exact"/>"#,
            r#"<w:sz w:val="8"/>"#,
        ),
        (
            "Note",
            "Note",
            "Normal",
            r#"<w:pBdr><w:left w:val="single" w:sz="36" w:space="8" w:color="0B4F69"/></w:pBdr><w:shd w:val="clear" w:color="auto" w:fill="F1F7FA"/><w:ind w:left="200"/>"#,
            "",
        ),
        (
            "Warning",
            "Warning",
            "Note",
            r#"<w:pBdr><w:left w:val="single" w:sz="36" w:space="8" w:color="8C1D18"/></w:pBdr><w:shd w:val="clear" w:color="auto" w:fill="FDF3F2"/>"#,
            "",
        ),
        (
            "Header",
            "header",
            "Normal",
            r#"<w:pBdr><w:bottom w:val="single" w:sz="4" w:space="4" w:color="9FB0BA"/></w:pBdr><w:tabs><w:tab w:val="right" w:pos="9406"/></w:tabs>"#,
            r#"<w:color w:val="45505A"/><w:sz w:val="17"/>"#,
        ),
        (
            "Footer",
            "footer",
            "Normal",
            r#"<w:jc w:val="center"/>"#,
            r#"<w:color w:val="45505A"/><w:sz w:val="17"/>"#,
        ),
    ] {
        let first = if base.is_empty() { r#" w:default="1""# } else { "" };
        let based = if base.is_empty() { String::new() } else { format!(r#"<w:basedOn w:val="{base}"/>"#) };
        let _ = write!(
            out,
            r#"<w:style w:type="paragraph"{first} w:styleId="{id}"><w:name w:val="{name}"/>{based}<w:qFormat/><w:pPr>{paragraph}</w:pPr><w:rPr>{run}</w:rPr></w:style>"#
        );
    }
    for (id, name, run) in [
        ("Strong", "Strong", "<w:b/>"),
        ("Emphasis", "Emphasis", emphasis),
        ("Hyperlink", "Hyperlink", r#"<w:color w:val="0B4F69"/><w:u w:val="single"/>"#),
        ("Unknown", "Unknown", r#"<w:b/><w:color w:val="6B3200"/>"#),
    ] {
        let _ = write!(
            out,
            r#"<w:style w:type="character" w:styleId="{id}"><w:name w:val="{name}"/><w:qFormat/><w:rPr>{run}</w:rPr></w:style>"#
        );
    }
    out.push_str(r#"<w:style w:type="table" w:default="1" w:styleId="TableNormal"><w:name w:val="Normal Table"/><w:tblPr><w:tblCellMar><w:left w:w="100" w:type="dxa"/><w:right w:w="100" w:type="dxa"/></w:tblCellMar></w:tblPr></w:style>"#);
    out.push_str(r#"<w:style w:type="table" w:styleId="TableGrid"><w:name w:val="Table Grid"/><w:basedOn w:val="TableNormal"/><w:tblPr><w:tblBorders>"#);
    for side in ["top", "left", "bottom", "right", "insideH", "insideV"] {
        let _ = write!(out, r#"<w:{side} w:val="single" w:sz="4" w:space="0" w:color="9FB0BA"/>"#);
    }
    out.push_str("</w:tblBorders></w:tblPr></w:style></w:styles>");
    out
}
