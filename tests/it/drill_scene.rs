//! A drill as its leader and its team have it: the program in a folder of its own, and the API.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Longest wait for what the drill's server does by itself.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs the program where a configuration and a variable lie about that must lead a drill nowhere.
pub fn suimon(place: &Path, arguments: &[&str]) -> Output {
    command(place, arguments).output().expect("the program runs")
}

fn command(place: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_suimon"));
    command.args(arguments).current_dir(place);
    command.env("SUIMON_DATABASE_URL", "postgres://nobody@127.0.0.1:1/none");
    command.env("SUIMON_MAIL_TRANSPORT", "smtp");
    command
}

pub fn told(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

pub fn complained(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

/// A drill that was made.
pub struct Drill {
    pub place: tempfile::TempDir,
    tokens: Vec<(String, String)>,
}

impl Drill {
    /// Makes one in the folder `drill` of a place of its own.
    pub fn start(speed: &str) -> Self {
        let place = tempfile::tempdir().expect("a folder");
        std::fs::write(place.path().join("suimon.toml"), "[mail]\ntransport = \"smtp\"\n").expect("a file");
        let output = suimon(place.path(), &["drill", "start", "drill", "--seed", "7", "--speed", speed]);
        assert_eq!(output.status.code(), Some(0), "{}", complained(&output));
        let told = told(&output);
        let words: Vec<&str> = told.split_whitespace().collect();
        let tokens = words.windows(2).filter(|pair| pair[1].starts_with("suimon_"));
        let tokens = tokens.map(|pair| (pair[0].to_owned(), pair[1].to_owned())).collect();
        Self { place, tokens }
    }

    pub fn folder(&self) -> PathBuf {
        self.place.path().join("drill")
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        suimon(self.place.path(), arguments)
    }

    /// Where nothing lies about: another command on the drill, by its configuration.
    pub fn beside(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_suimon"));
        command.args(["--config", "drill/suimon.toml"]).args(arguments).current_dir(self.place.path());
        command.output().expect("the program runs")
    }

    /// The report as numbers.
    pub fn report(&self) -> Value {
        let output = self.run(&["drill", "report", "drill", "--format", "json"]);
        assert_eq!(output.status.code(), Some(0), "{}", complained(&output));
        serde_json::from_str(&told(&output)).expect("JSON")
    }

    /// The report in words.
    pub fn text(&self, lang: &str) -> String {
        let output = self.run(&["drill", "report", "drill", "--lang", lang]);
        assert_eq!(output.status.code(), Some(0), "{}", complained(&output));
        told(&output)
    }

    pub fn serve(&self) -> Server<'_> {
        let mut child = command(self.place.path(), &["drill", "serve", "drill", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let mut lines = BufReader::new(child.stdout.take().expect("what it says")).lines();
        let line = lines.next().expect("the drill is served").expect("UTF-8");
        let url = line.split_whitespace().last().expect("an address").to_owned();
        assert!(url.ends_with("/graphql"), "{line}");
        Server { drill: self, child, url }
    }
}

/// A drill that is served.
pub struct Server<'d> {
    drill: &'d Drill,
    child: Child,
    url: String,
}

impl Server<'_> {
    /// Moves the clock to a time of the day in Japan, `2023-10-26T18:00`.
    pub fn at(&self, time: &str) {
        self.advance(&["--to", &format!("{time}:00+09:00")]);
    }

    pub fn advance(&self, how: &[&str]) {
        let output = self.drill.run(&[&["drill", "advance", "drill"], how].concat());
        assert_eq!(output.status.code(), Some(0), "{}", complained(&output));
    }

    /// The answer to an operation of one field, as `login`.
    pub fn ask(&self, login: &str, operation: &str, variables: Value) -> Value {
        let (_, token) = self.drill.tokens.iter().find(|(known, _)| known == login).expect("a token");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let answer: Value = runtime.block_on(async {
            let client = reqwest::Client::builder().no_proxy().build().expect("a client");
            let body = json!({ "query": operation, "variables": variables });
            let request = client.post(&self.url).bearer_auth(token).json(&body);
            request.send().await.expect("an answer").json().await.expect("JSON")
        });
        assert!(answer["errors"].is_null(), "{answer}");
        let fields = answer["data"].as_object().expect("data");
        fields.values().next().expect("a field").clone()
    }

    /// Changes something, as `login`; nothing may be in its way.
    pub fn act(&self, login: &str, mutation: &str, variables: Value) -> Value {
        let answer = self.ask(login, mutation, variables);
        assert_ne!(answer["__typename"], "Problem", "{answer}");
        answer
    }

    /// Asks until it is so.
    pub fn until(&self, login: &str, query: &str, variables: &Value, so: impl Fn(&Value) -> bool) -> Value {
        let begin = Instant::now();
        loop {
            let answer = self.ask(login, query, variables.clone());
            if so(&answer) {
                return answer;
            }
            assert!(begin.elapsed() < PATIENCE, "{answer}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
