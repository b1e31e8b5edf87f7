//! What the team is told before it begins.

use anyhow::Context as _;
use exposure::simulate::Day;
use law::Lang;

use crate::drill::{self, Folder, State};
use crate::reports::Words;

/// Writes the briefing in both languages. It tells nothing of the fault: finding that out is the drill.
pub fn write(folder: &Folder, state: &State, day: &Day) -> anyhow::Result<()> {
    for (name, lang, text) in [
        ("briefing.en.md", Lang::En, include_str!("../../../templates/drill/briefing.en.md")),
        ("briefing.ja.md", Lang::Ja, include_str!("../../../templates/drill/briefing.ja.md")),
    ] {
        let begins = Words::new(lang, drill::ZONE).moment(state.begins);
        let pace = match (state.speed, lang) {
            (0, Lang::En) => "stands and is moved by whoever leads the drill".to_owned(),
            (0, Lang::Ja) => "進行役が進めるまで止まっています".to_owned(),
            (speed, Lang::En) => format!("runs {speed} times as fast as yours"),
            (speed, Lang::Ja) => format!("実際の{speed}倍の速さで進みます"),
        };
        let population = day.population();
        let text = text
            .replace("{begins}", &begins)
            .replace("{pace}", &pace)
            .replace("{schools}", &population.schools.len().to_string())
            .replace("{people}", &population.people.len().to_string());
        let path = folder.join(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
