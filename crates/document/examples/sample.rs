//! Writes the report of the tests in all forms, and two letters, into a folder, to be looked at: `cargo run -p document --example sample -- FOLDER`.

use std::path::PathBuf;

use document::Language;

#[path = "../tests/it/sample.rs"]
mod sample;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("name a folder")?);
    std::fs::create_dir_all(&folder)?;
    for language in [Language::Ja, Language::En] {
        let sheet = sample::report(language).check()?;
        let name = |ending: &str| folder.join(format!("report.{}.{ending}", language.tag()));
        std::fs::write(name("html"), sheet.html())?;
        std::fs::write(name("txt"), sheet.text())?;
        std::fs::write(name("pdf"), sheet.pdf()?.bytes)?;
        std::fs::write(name("docx"), sheet.docx())?;
        let mut letters = sample::letters(language, 2);
        letters.duplex = true;
        // The second one is longer than a page.
        let [_, long] = &mut letters.letters[..] else { continue };
        long.paragraphs.extend_from_within(1..7);
        long.paragraphs.extend_from_within(1..7);
        std::fs::write(folder.join(format!("letters.{}.pdf", language.tag())), letters.pdf()?.bytes)?;
    }
    Ok(())
}
