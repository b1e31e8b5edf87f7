//! Input made to hurt: each ends quickly, with one sentence.

use super::*;

fn first(text: &str) -> String {
    parse_files([("m.yaml", text.as_bytes())]).unwrap_err()[0].to_string()
}

#[test]
fn a_bomb_of_aliases() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let last = level - 1;
        let items = vec![format!("*a{last}"); 5].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{items}]\n"));
    }
    let problem = first(&text);
    assert!(problem.contains("the aliases repeat more than 5000 values; write the values out"), "{problem}");
}

#[test]
fn too_many_aliases() {
    let text = format!("a: &a x\nb: [{}]\n", vec!["*a"; 65].join(", "));
    let problem = first(&text);
    assert!(problem.ends_with("the file has more than 64 aliases; write the values out"), "{problem}");
}

#[test]
fn deep_nesting_in_both_styles() {
    let expected = "lists and mappings are nested more than 16 deep; write it flatter";
    for depth in [17, 100_000] {
        let flow = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        assert!(first(&flow).ends_with(expected), "{}", first(&flow));
    }
    let mut block = String::new();
    for level in 0..400 {
        block.push_str(&format!("{}a:\n", " ".repeat(level)));
    }
    assert!(first(&block).ends_with(expected), "{}", first(&block));
    let dashes = format!("{}x", "- ".repeat(100_000));
    assert!(first(&dashes).ends_with(expected), "{}", first(&dashes));
}

#[test]
fn a_huge_text() {
    let text = with(SYSTEM, "en: Shop", &format!("en: {}", "x".repeat(100_000)));
    assert_eq!(
        problems(&[("s.yaml", &text)]),
        ["s.yaml:5:23: spec.title.en: the text has 100000 characters, more than 200; shorten it"]
    );
    let text = with(SYSTEM, "kind: System", &format!("kind: {}", "y".repeat(150)));
    assert_eq!(
        problems(&[("s.yaml", &text)]),
        [format!(
            "s.yaml:2:7: kind: unknown kind `{}…`; write one of `System`, `Requirement`, \
             `Estimate`, `Probe`, `Exception`",
            "y".repeat(60)
        )]
    );
}

#[test]
fn a_huge_file() {
    let text = format!("# {}\n{SYSTEM}", "x".repeat(1024 * 1024));
    let message = format!(
        "m.yaml:1:1: the file has {} bytes, more than 1048576; split it into several files",
        text.len()
    );
    assert_eq!(first(&text), message);
}

#[test]
fn a_storm_of_documents_values_and_problems() {
    let problem = first(&"--- 1\n".repeat(300));
    assert!(
        problem.ends_with("the file has more than 200 documents; split it into several files"),
        "{problem}"
    );
    let problem = first(&format!("a: [{}]\n", "1,".repeat(60_000)));
    assert!(
        problem.ends_with("the file has more than 50000 values; split it into several files"),
        "{problem}"
    );
    let mut unknown = String::from("apiVersion: suimon/v1\n");
    for at in 0..2000 {
        unknown.push_str(&format!("k{at}: 1\n"));
    }
    assert_eq!(problems(&[("m.yaml", &unknown)]).len(), 500);
}

#[test]
fn too_many_files() {
    let files: Vec<(String, &[u8])> = (0..1001).map(|at| (format!("f{at:04}.yaml"), &b"x: 1"[..])).collect();
    let problems = parse_files(files).unwrap_err();
    assert_eq!(
        problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["f1000.yaml:1:1: there are 1001 files, more than 1000; apply them in several sets"]
    );
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    let text = with(REQUIREMENT, "kind: Requirement", "kind: \"Req\\e[31m\"");
    let lines = problems(&[("r.yaml", &text), ("s.yaml", SYSTEM)]);
    assert_eq!(lines, ["r.yaml:2:7: kind: the text contains a control character; remove it"]);
    let lines = problems(&[("r.yaml", "\"\\e[31m\": 1\n")]);
    assert!(lines.iter().all(|line| !line.contains('\u{1b}')), "{lines:?}");
}

/// Two thousand small damages to a good manifest: each ends in a set or in problems that have a place in the file.
#[test]
fn damaged_manifests_end_in_problems() {
    let mut state: u64 = 42;
    let mut next = move |below: usize| {
        // Knuth's MMIX generator: chance that is the same in each run.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let palette = b"\t\n :-[]{}&*!|>'\"#%@`,?\0\x80\xff0aZ";
    let mut refused = 0;
    for round in 0..2_000 {
        let mut bytes = if round % 2 == 0 { SYSTEM.as_bytes() } else { REQUIREMENT.as_bytes() }.to_vec();
        for _ in 0..=next(4) {
            let at = next(bytes.len());
            match next(3) {
                0 => bytes[at] = palette[next(palette.len())],
                1 => bytes.insert(at, palette[next(palette.len())]),
                _ => {
                    bytes.truncate(at.max(1));
                }
            }
        }
        let lines = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
        if let Err(problems) = parse_files([("m.yaml", &bytes)]) {
            refused += 1;
            assert!(!problems.is_empty());
            for problem in problems {
                let line = problem.place.line as usize;
                assert!(line >= 1 && line <= lines + 1, "{problem} in {lines} lines");
                assert!(!problem.to_string().contains(char::is_control), "{problem:?}");
            }
        }
    }
    assert!(refused > 1_000, "only {refused} were refused: the damage is too small to test anything");
}
