//! Writes large logs for measuring: `cargo run --release -p exposure --example bulk -- FOLDER [EDGE_LINES] [PERSONAL_OF_10000] [PEOPLE] [SMALL_FILES]`.
//! Beside `edge.log` and `origin.jsonl` it writes, where asked, the edge's lines as so many small files below `edge/`.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::PathBuf;

use exposure::simulate::{BulkSettings, bulk};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("give the folder to write into")?);
    let mut number = |usual: u64| arguments.next().map_or(Ok(usual), |text| text.parse());
    let mut settings = BulkSettings::default();
    settings.lines = number(settings.lines)?;
    settings.personal = u16::try_from(number(u64::from(settings.personal))?)?;
    settings.people = usize::try_from(number(settings.people as u64)?)?;
    let files = number(0)?;
    std::fs::create_dir_all(&folder)?;
    let file =
        |name: &str| File::create(folder.join(name)).map(|file| BufWriter::with_capacity(1 << 20, file));
    bulk(2023, &settings, file("edge.log")?, file("origin.jsonl")?)?;
    if files > 0 {
        split(&folder, settings.lines.div_ceil(files).max(1))?;
    }
    Ok(())
}

/// Each file has the directives, as the edge writes them.
fn split(folder: &std::path::Path, each: u64) -> std::io::Result<()> {
    std::fs::create_dir_all(folder.join("edge"))?;
    let mut reader = BufReader::with_capacity(1 << 20, File::open(folder.join("edge.log"))?);
    let (mut head, mut line) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        reader.read_until(b'\n', &mut head)?;
    }
    let mut number = 0_u64;
    let mut out: Option<BufWriter<File>> = None;
    while reader.read_until(b'\n', &mut line)? > 0 {
        if number.is_multiple_of(each) {
            let file = File::create(folder.join(format!("edge/E2SUIMONEXAMPLE.{:06}", number / each)))?;
            let mut file = BufWriter::new(file);
            file.write_all(&head)?;
            out = Some(file);
        }
        if let Some(out) = &mut out {
            out.write_all(&line)?;
        }
        number += 1;
        line.clear();
    }
    Ok(())
}
