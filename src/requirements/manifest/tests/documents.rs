//! Files that are not what they should be: encodings, tabs, syntax, emptiness.

use super::*;

fn first(bytes: &[u8]) -> String {
    parse_files([("m.yaml", bytes)]).unwrap_err()[0].to_string()
}

#[test]
fn shift_jis_and_utf_16_are_named() {
    let mut bytes = b"apiVersion: suimon/v1\ntitle: ".to_vec();
    bytes.extend([0x8a, 0x77, 0x8d, 0x5a]);
    assert_eq!(
        first(&bytes),
        "m.yaml:2:8: byte 0x8a is not UTF-8; \
         save the file as UTF-8; a Japanese editor on Windows may have saved it as Shift_JIS"
    );
    assert_eq!(first(b"\xff\xfea\0"), "m.yaml:1:1: the file is UTF-16, not UTF-8; save it as UTF-8");
}

#[test]
fn an_utf_8_byte_order_mark_is_harmless() {
    let with_mark = format!("\u{feff}{SYSTEM}");
    assert_eq!(parse(&[("s.yaml", &with_mark)]).unwrap(), parse(&[("s.yaml", SYSTEM)]).unwrap());
}

#[test]
fn a_tab_in_the_indentation_is_named() {
    assert_eq!(
        first(b"apiVersion: suimon/v1\nmetadata:\n\tname: x\n"),
        "m.yaml:3:1: the line is indented with a tab; indent with spaces"
    );
}

#[test]
fn a_syntax_error_has_its_place() {
    let problem = first(b"apiVersion: suimon/v1\nmetadata: { name: x\nspec: 1\n");
    assert!(problem.starts_with("m.yaml:3:"), "{problem}");
    assert!(problem.contains("this is not YAML: "), "{problem}");
    assert!(problem.ends_with("; check indentation, quotes and brackets here and just above"), "{problem}");
}

#[test]
fn a_broken_file_does_not_hide_the_others() {
    let problems = problems(&[("a.yaml", "a: [1"), ("r.yaml", REQUIREMENT)]);
    assert!(problems[0].starts_with("a.yaml:"), "{problems:?}");
    assert!(problems[1].starts_with("r.yaml:5:11: spec.system: there is no system `shop`;"), "{problems:?}");
}

#[test]
fn a_file_without_a_manifest_is_a_problem_and_no_file_is_none() {
    let message = "m.yaml:1:1: the file has no manifest; add one or remove the file";
    assert_eq!(first(b""), message);
    assert_eq!(first(b"# only a comment\n---\n"), message);
    assert!(parse(&[]).unwrap().is_empty());
}

#[test]
fn a_document_is_a_mapping() {
    assert_eq!(
        first(b"- a\n- b\n"),
        "m.yaml:1:1: expected a mapping, found a list; write `key: value` lines"
    );
}

#[test]
fn merge_keys_are_refused() {
    let text = "base: &b { x: 1 }\nother:\n  <<: *b\n";
    assert_eq!(
        first(text.as_bytes()),
        "m.yaml:3:3: merge keys (`<<`) are not supported; write the fields out"
    );
}

#[test]
fn an_alias_is_located_where_it_is_used() {
    let text = with(SYSTEM, "retention: P1Y", "retention: &keep P1X");
    let text = with(&text, "retention: P1Y", "retention: *keep");
    let lines = problems(&[("s.yaml", &text)]);
    assert!(lines[0].starts_with("s.yaml:21:"), "{lines:?}");
    assert!(lines[1].starts_with("s.yaml:27:"), "{lines:?}");
}

#[test]
fn values_that_yaml_knows_and_manifests_do_not() {
    for (text, problem) in [
        ("~: 1", "1:1: a key is not a text; write a word before the colon"),
        ("? [a]\n: 1", "1:3: a key is not a text; write a word before the colon"),
        ("a: .nan", "1:4: the number is not finite; write a finite number"),
        ("a: 1e999", "1:4: the number is not finite; write a finite number"),
        ("a: !!int x", "1:10: the value does not fit its tag; remove the tag"),
        ("a: &a [*a]", "1:8: the alias stands inside its own anchor; write the values out"),
        ("a: *x", "1:4: the alias has no anchor; write the value out"),
    ] {
        assert_eq!(first(text.as_bytes()), format!("m.yaml:{problem}"));
    }
}
