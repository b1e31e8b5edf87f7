//! Prints the chart of a specification: `cargo run -p capacity --example chart -- en < tokyo.json > tokyo.svg`

use std::io::{Read, Write};

use capacity::{EstimateSpec, Lang, chart, estimate};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let lang = if std::env::args().nth(1).as_deref() == Some("ja") { Lang::Ja } else { Lang::En };
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let result = estimate(&EstimateSpec::from_json(&text)?)?;
    std::io::stdout().write_all(chart::svg(&result, lang).as_bytes())?;
    Ok(())
}
