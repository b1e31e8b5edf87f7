//! A drill touches no real installation, and nothing leaves it.

use crate::drill_scene::{Drill, complained, suimon};

#[test]
fn a_drill_is_made_in_an_empty_folder_and_by_itself() {
    let place = tempfile::tempdir().expect("a folder");
    let real = place.path().join("real");
    std::fs::create_dir(&real).expect("a folder");
    std::fs::write(real.join("suimon.db"), "a database").expect("a file");
    let refused = |arguments: &[&str]| {
        let output = suimon(place.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        complained(&output).replace(&place.path().canonicalize().unwrap().display().to_string(), "PLACE")
    };
    let said = [
        refused(&["drill", "start", "real"]),
        refused(&["drill", "start", "one,two"]),
        refused(&["drill", "start", "new", "--speed", "361"]),
        refused(&["drill", "start", "new", "--set", "mail.transport=smtp"]),
        refused(&["drill", "start", "new", "--config", "real/suimon.toml"]),
        refused(&["drill", "serve", "real"]),
        refused(&["drill", "report", "real"]),
        refused(&["drill", "advance", "real", "--minutes", "1"]),
    ];
    insta::assert_snapshot!(said.concat(), @"");
    assert_eq!(std::fs::read_to_string(real.join("suimon.db")).unwrap(), "a database");
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1, "nothing was made");
}

#[test]
fn its_configuration_lets_nothing_leave() {
    let drill = Drill::start("0");
    let home = drill.place.path().canonicalize().unwrap().display().to_string();
    let refused = |arguments: &[&str]| {
        let output = drill.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?} {}", complained(&output));
        complained(&output).replace(&home, "PLACE")
    };
    // Other commands act on it by its configuration, on its clock; what lies around must not change where they lead.
    let set =
        ["--set", "mail.transport=captured", "--set", "database.url=postgres://nobody@127.0.0.1:1/none"];
    let mut said = vec![
        refused(&["drill", "advance", "drill", "--minutes", "1"]),
        refused(&["--config", "drill/suimon.toml", "incident", "list"]),
        refused(&[&["--config", "drill/suimon.toml", "incident", "list"][..], &set].concat()),
    ];
    let server = drill.serve();
    said.push(refused(&["drill", "serve", "drill", "--listen", "127.0.0.1:0"]));
    said.push(refused(&["drill", "advance", "drill", "--to", "2023-10-26T01:00:00Z"]));
    drop(server);
    let file = drill.folder().join("suimon.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("transport = \"captured\"", "transport = \"smtp\"")).unwrap();
    for command in ["serve", "report"] {
        said.push(refused(&["drill", command, "drill"]));
    }
    insta::assert_snapshot!(said.concat(), @"");
    std::fs::remove_file(&file).unwrap();
    assert!(drill.text("en").contains("not yet"), "it is written anew");
}
