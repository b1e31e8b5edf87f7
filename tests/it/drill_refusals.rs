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
    insta::assert_snapshot!(said.concat(), @r"
    suimon: PLACE/real is not an empty folder; a drill wants one of its own: name another folder
    suimon: DIR: PLACE/one,two has a sign in it that no configuration takes; choose a folder without comma, ?, # and %
    suimon: speed: wants 0 to 360
    suimon: a drill has a configuration of its own, with which nothing leaves it: leave --config and --set out
    suimon: a drill has a configuration of its own, with which nothing leaves it: leave --config and --set out
    suimon: PLACE/real is the folder of no drill (entity not found); make one with `suimon drill start`
    suimon: PLACE/real is the folder of no drill (entity not found); make one with `suimon drill start`
    suimon: PLACE/real is the folder of no drill (entity not found); make one with `suimon drill start`
    ");
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
    let output = drill.beside(&["serve", "--listen", "127.0.0.1:0"]);
    said.push(complained(&output));
    assert_eq!(output.status.code(), Some(2));
    let open = "incident open --as officer --system online-application --title Pages --summary seen --occurred-at 2023-10-26T02:00:00Z";
    let output = drill.beside(&open.split(' ').collect::<Vec<_>>());
    assert_eq!(output.status.code(), Some(0), "{}", complained(&output));
    let opened = &drill.report()["steps"][1];
    assert_eq!(opened["after_fault_seconds"], 0, "on the drill's clock: {opened}");
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
    insta::assert_snapshot!(said.concat(), @r"
    suimon: nobody serves this drill: run `suimon drill serve` beside this
    suimon: the configuration has 2 problem(s):
      - mail.transport: wants captured, because drill.folder is given: a drill sends no mail
      - database.url: wants a SQLite database of its own, because drill.folder is given
    suimon: the configuration has 1 problem(s):
      - database.url: wants a SQLite database of its own, because drill.folder is given
    suimon: this is a drill, whose clock would stand: use `suimon drill serve`
    suimon: this drill is being served already; end the other `suimon drill serve` first
    suimon: to: lies before 2023-10-26T02:00:00Z, the present of the drill; the clock of a drill goes forward only
    suimon: PLACE/drill/suimon.toml is not what the drill wrote: a drill runs with its own database and sends nothing; remove the file, and it is written anew
    suimon: PLACE/drill/suimon.toml is not what the drill wrote: a drill runs with its own database and sends nothing; remove the file, and it is written anew
    ");
    std::fs::remove_file(&file).unwrap();
    assert!(drill.text("en").contains("not yet"), "it is written anew");
    // Each place of it, and not only the kind: those of a real installation may be of the same.
    for (set, says) in [
        ("database.url=sqlite:///elsewhere/suimon.db", "database.url: wants a SQLite database of its own"),
        ("keys.file=/elsewhere/kek.key", "keys: want a local key file of its own"),
        ("audit.archive_folder=/elsewhere", "audit: wants folders of its own"),
        ("exposure.log_sources=edge=/elsewhere", "exposure.log_sources: want places of its own"),
    ] {
        let told = refused(&["--config", "drill/suimon.toml", "--set", set, "incident", "list"]);
        assert!(told.contains(says), "{told}");
    }
}
