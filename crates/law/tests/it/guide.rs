//! `docs/RULE_PACKS.md`: its examples load and its cases come out right, and it names every keyword of the language.

use law::{
    Packs,
    cases::Cases,
    lint::{Severity, lint},
};

const GUIDE: &str = include_str!("../../../../docs/RULE_PACKS.md");

/// The YAML blocks of the guide.
fn blocks() -> Vec<&'static str> {
    GUIDE
        .split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split_once("```").map(|(block, _)| block))
        .collect()
}

fn block(first_line: &str) -> &'static str {
    blocks()
        .into_iter()
        .find(|b| b.starts_with(first_line))
        .unwrap_or_else(|| panic!("no block {first_line:?}"))
}

fn load(pack: &str) -> Packs {
    let files = [("calendar.yaml", block("kind: Calendar")), ("pack.yaml", pack)];
    Packs::load(files).unwrap_or_else(|faults| {
        panic!("{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    })
}

#[test]
fn the_pack_of_the_guide_loads_and_its_cases_come_out_right() {
    let packs = load(block("kind: RulePack"));
    let cases = Cases::load([("cases.yaml", block("kind: Cases"))]).unwrap_or_else(|e| panic!("{e:#?}"));
    let faults: Vec<_> = cases.cases.iter().flat_map(|c| c.check(&packs)).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let lints = lint(&packs, Some(&cases), Some(jiff::civil::date(2026, 11, 22)));
    let bad: Vec<_> = lints.iter().filter(|l| l.severity > Severity::Note).collect();
    assert!(bad.is_empty(), "{bad:#?}");
}

#[test]
fn every_condition_and_every_deadline_of_the_guide_loads() {
    // A definition that uses itself would be a circle: the guide's list stands under a name of its own.
    let listed: String = block("# conditions").lines().map(|l| format!("      {l}\n")).collect();
    let pack = block("kind: RulePack").replacen(
        "definitions: ",
        &format!("definitions:\n  listed:\n    any:\n{listed}  # "),
        1,
    );
    load(&pack);
    let deadlines: String = block("# deadlines").lines().map(|l| format!("          {l}\n")).collect();
    let at = "        deadlines:\n";
    let pack = block("kind: RulePack").replacen(at, &format!("{at}{deadlines}"), 1);
    load(&pack);
}

/// The loader itself lists its keywords when it refuses one.
#[test]
fn the_guide_names_every_keyword() {
    let pack = block("kind: RulePack");
    let slips = [
        "\nzone:",
        "    verification: verified ",
        "  source: act\n  fact: scope.jurisdictions",
        "    status: in_force ",
        "{from: 2021-02-01,",
        "{from: 2020-11-02}",
        "{suspicion_counts: false,",
        "      - when: {fact: event.ongoing",
        "        recipient: regulator",
        "          - effect: not_required",
        "            nature: statute",
        "{amount: 3,",
    ];
    let mut keywords = std::collections::BTreeSet::new();
    let mut note = |fault: &law::PackError| {
        let allowed = fault.message.split("allowed: ").nth(1).unwrap_or_else(|| panic!("{fault}"));
        keywords.extend(allowed.split(", ").map(str::to_owned));
    };
    for slip in slips {
        assert!(pack.contains(slip), "{slip}");
        let start = slip.trim_start_matches(['\n', ' ', '-', '{']);
        let wrong = slip.replacen(start, &format!("zzz: 1{}{start}", joint(slip)), 1);
        let text = pack.replacen(slip, &wrong, 1);
        let files = [("calendar.yaml", block("kind: Calendar")), ("pack.yaml", text.as_str())];
        let faults = Packs::load(files).err().unwrap_or_else(|| panic!("{slip} was accepted"));
        note(
            faults
                .iter()
                .find(|f| f.message.contains("allowed: "))
                .unwrap_or_else(|| panic!("{slip}: {faults:?}")),
        );
    }
    for (kind, text) in [("kind: Calendar", "id:"), ("kind: Cases", "evaluated_at:")] {
        let text = block(kind).replacen(text, &format!("zzz: 1\n{text}"), 1);
        let faults = match kind {
            "kind: Cases" => Cases::load([("c.yaml", text)]).err(),
            _ => Packs::load([("c.yaml", text)]).err(),
        };
        note(&faults.expect("refused")[0]);
    }
    let text = block("kind: Cases").replacen("    trust: A", "    zzz: 1\n    trust: A", 1);
    note(&Cases::load([("c.yaml", text)]).expect_err("refused")[0]);
    let text = block("kind: Cases").replacen("{regime: xx-example,", "{zzz: 1, regime: xx-example,", 1);
    note(&Cases::load([("c.yaml", text)]).expect_err("refused")[0]);
    let named = |word: &String| {
        [format!("{word}:"), format!("`{word}`")].iter().any(|form| {
            GUIDE
                .match_indices(form.as_str())
                .any(|(i, _)| !GUIDE[..i].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.'))
        })
    };
    let absent: Vec<_> = keywords.iter().filter(|w| !named(w)).collect();
    assert!(keywords.len() > 60 && absent.is_empty(), "{} keywords, not named: {absent:?}", keywords.len());
}

/// What separates two keys at this place: a comma in a flow mapping, a line of the same depth otherwise.
fn joint(slip: &str) -> String {
    if slip.starts_with('{') {
        return String::from(", ");
    }
    let depth = slip.trim_start_matches('\n').len() - slip.trim_start_matches(['\n', ' ', '-']).len();
    format!("\n{}", " ".repeat(depth))
}
