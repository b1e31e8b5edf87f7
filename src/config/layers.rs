//! The four layers and how they are laid over each other.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use figment::providers::{Format, Serialized, Toml};
use figment::value::{Dict, Value};
use figment::{Figment, Profile};

use super::{Config, Secret, validate};

/// The embedded defaults, which are also the documentation of every key.
pub const DEFAULTS: &str = include_str!("default.toml");

/// Where the layers come from. Passed in, so that a test does not depend on its environment.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// `--config`; without it `suimon.toml` in the working directory, where there is one.
    pub file: Option<PathBuf>,
    /// The environment; only `SUIMON_*` is looked at.
    pub environment: Vec<(String, String)>,
    /// `--set section.key=value`.
    pub flags: Vec<String>,
}

impl Sources {
    /// The environment of this process.
    pub fn from_process(file: Option<PathBuf>, flags: Vec<String>) -> Self {
        // Non-Unicode variables cannot be ours: they would fail to be a value anyway.
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self { file, environment, flags }
    }
}

/// Everything that is wrong with the configuration.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigProblems(pub Vec<String>);

impl fmt::Display for ConfigProblems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the configuration has {} problem(s):", self.0.len())?;
        for problem in &self.0 {
            write!(formatter, "\n  - {problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigProblems {}

/// Reads and checks the configuration.
///
/// # Errors
/// All problems at once; each names its source, the key and the remedy. Values of secret keys are not repeated.
pub fn load(sources: &Sources) -> Result<Config, ConfigProblems> {
    let mut problems = Vec::new();
    let defaults = known_keys();
    let mut figment = Figment::from(Toml::string(DEFAULTS));

    if let Some(file) = file_layer(sources.file.as_deref(), &defaults, &mut problems) {
        figment = figment.merge(Serialized::defaults(file));
    }
    let variables = environment_layer(&sources.environment, &defaults, &mut problems);
    figment = figment.merge(Serialized::defaults(variables));
    let flags = flag_layer(&sources.flags, &defaults, &mut problems);
    figment = figment.merge(Serialized::defaults(flags));

    // What is wrong was not placed, so the rest can still be read and checked: all problems are told in one go.
    let mut config: Config = figment.extract().map_err(|errors| {
        let unreadable = errors
            .into_iter()
            .map(|error| format!("{}: {}", error.path.join("."), validate::describe(&error.kind)));
        ConfigProblems(std::mem::take(&mut problems).into_iter().chain(unreadable).collect())
    })?;
    read_secret_files(&mut config, &mut problems);
    super::oidc::read_secrets(&mut config.identity.oidc, &sources.environment, &mut problems);
    validate::check(&config, &mut problems);
    if problems.is_empty() { Ok(config) } else { Err(ConfigProblems(problems)) }
}

/// Keys that take one of a few words.
const WORDS: &[(&str, &[&str])] = &[
    ("keys.provider", &["auto", "file", "environment", "transit", "kms"]),
    ("mail.transport", &["captured", "smtp"]),
    ("mail.charset", &["utf-8", "iso-2022-jp"]),
    ("mail.provider", &["none", "ses", "sendgrid", "postmark"]),
    ("mail.smtp_tls", &["none", "starttls", "implicit"]),
    ("log.format", &["text", "json"]),
];

type Keys = BTreeMap<String, Value>;
type Layer = BTreeMap<String, BTreeMap<String, Value>>;

fn known_keys() -> Keys {
    let mut keys = Keys::new();
    for (section, entries) in parse(DEFAULTS).unwrap_or_default() {
        for (key, value) in entries.into_dict().unwrap_or_default() {
            keys.insert(format!("{section}.{key}"), value);
        }
    }
    keys
}

#[expect(clippy::result_large_err, reason = "figment's own error; called three times at start")]
fn parse(text: &str) -> Result<Dict, figment::Error> {
    use figment::Provider;
    Ok(Toml::string(text).data()?.remove(&Profile::Default).unwrap_or_default())
}

fn file_layer(given: Option<&Path>, known: &Keys, problems: &mut Vec<String>) -> Option<Layer> {
    let path = match given {
        Some(path) => path.to_owned(),
        None => {
            let usual = PathBuf::from("suimon.toml");
            usual.exists().then_some(usual)?
        }
    };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => {
            problems.push(format!(
                "{}: cannot be read ({error}); give an existing file to --config",
                path.display()
            ));
            return None;
        }
    };
    let sections = match parse(&text) {
        Ok(sections) => sections,
        Err(errors) => {
            problems.extend(errors.into_iter().map(|error| format!("{}: {}", path.display(), error.kind)));
            return None;
        }
    };
    let mut layer = Layer::new();
    for (section, entries) in sections {
        let Value::Dict(_, entries) = entries else {
            problems.push(format!(
                "{}: {section} stands outside a section; put it below a header such as [server]",
                path.display()
            ));
            continue;
        };
        for (key, value) in entries {
            let name = format!("{section}.{key}");
            if name == super::oidc::KEY {
                // The one list: its tables are read and checked as a whole.
                match super::oidc::readable(&value) {
                    Ok(()) => {
                        layer.entry(section.clone()).or_default().insert(key, value);
                    }
                    Err(problem) => problems.push(format!("{}: {problem}", path.display())),
                }
                continue;
            }
            place(&mut layer, &name, value, known, &path.display().to_string(), problems);
        }
    }
    Some(layer)
}

fn environment_layer(environment: &[(String, String)], known: &Keys, problems: &mut Vec<String>) -> Layer {
    let by_variable: BTreeMap<String, &String> =
        known.keys().map(|key| (format!("SUIMON_{}", key.to_uppercase().replace('.', "_")), key)).collect();
    let mut layer = Layer::new();
    for (variable, text) in environment {
        if !variable.starts_with("SUIMON_") || variable.starts_with("SUIMON_TEST_") {
            continue;
        }
        match by_variable.get(variable) {
            Some(key) => place_text(&mut layer, key, text, known, variable, problems),
            None => problems.push(format!(
                "environment: {variable} is not a key{}",
                suggestion(variable, by_variable.keys().map(String::as_str))
            )),
        }
    }
    layer
}

fn flag_layer(flags: &[String], known: &Keys, problems: &mut Vec<String>) -> Layer {
    let mut layer = Layer::new();
    for flag in flags {
        match flag.split_once('=') {
            Some((key, text)) => place_text(&mut layer, key.trim(), text, known, "--set", problems),
            None => problems.push("--set: wants section.key=value".to_owned()),
        }
    }
    layer
}

/// Reads text as the type that the default has, so that `8480` is a number for a port and text for a password.
fn place_text(
    layer: &mut Layer,
    name: &str,
    text: &str,
    known: &Keys,
    source: &str,
    problems: &mut Vec<String>,
) {
    let value = match known.get(name) {
        Some(Value::Bool(..)) => text.parse::<bool>().map(Value::from).map_err(|_| "wants true or false"),
        Some(Value::Num(..)) => text.parse::<i64>().map(Value::from).map_err(|_| "wants a whole number"),
        _ => Ok(Value::from(text)),
    };
    match value {
        Ok(value) => place(layer, name, value, known, source, problems),
        Err(wants) => problems.push(format!("{source}: {name} {wants}")),
    }
}

fn place(
    layer: &mut Layer,
    name: &str,
    value: Value,
    known: &Keys,
    source: &str,
    problems: &mut Vec<String>,
) {
    let Some(default) = known.get(name) else {
        problems.push(format!(
            "{source}: {name} is not a key{}",
            suggestion(name, known.keys().map(String::as_str))
        ));
        return;
    };
    let fits = matches!(
        (default, &value),
        (Value::Bool(..), Value::Bool(..))
            | (Value::Num(..), Value::Num(..))
            | (Value::String(..), Value::String(..))
    );
    if !fits {
        let wants = match default {
            Value::Bool(..) => "true or false",
            Value::Num(..) => "a whole number",
            _ => "text in quotes",
        };
        problems.push(format!("{source}: {name} wants {wants}"));
        return;
    }
    if let Some((_, words)) = WORDS.iter().find(|(key, _)| *key == name)
        && !value.as_str().is_some_and(|text| words.contains(&text))
    {
        problems.push(format!("{source}: {name} wants one of {}", words.join(", ")));
        return;
    }
    if let Some((section, key)) = name.split_once('.') {
        layer.entry(section.to_owned()).or_default().insert(key.to_owned(), value);
    }
}

fn read_secret_files(config: &mut Config, problems: &mut Vec<String>) {
    let mut read = |name: &str, file: &str, secret: &mut Secret| {
        if file.is_empty() {
            return;
        }
        match std::fs::read_to_string(file) {
            Ok(text) => *secret = Secret::new(text.trim_end_matches(['\r', '\n']).to_owned()),
            Err(error) => {
                problems.push(format!("{name}: cannot read {file} ({error}); check the path and its mode"))
            }
        }
    };
    read("database.url_file", &config.database.url_file, &mut config.database.url);
    read("database.migrate_url_file", &config.database.migrate_url_file, &mut config.database.migrate_url);
    // Read again at each request; here it is only looked at whether it is there.
    read("keys.transit_token_file", &config.keys.transit_token_file, &mut config.keys.transit_token);
    read("server.metrics_token_file", &config.server.metrics_token_file, &mut config.server.metrics_token);
    read("duties.webhook_secret_file", &config.duties.webhook_secret_file, &mut config.duties.webhook_secret);
    read("mail.smtp_password_file", &config.mail.smtp_password_file, &mut config.mail.smtp_password);
    read("mail.postmark_secret_file", &config.mail.postmark_secret_file, &mut config.mail.postmark_secret);
}

fn suggestion<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> String {
    known
        .map(|candidate| (distance(given, candidate), candidate))
        .min()
        .filter(|(distance, _)| *distance <= 4)
        .map(|(_, candidate)| format!("; did you mean {candidate}?"))
        .unwrap_or_else(|| "; `suimon config` prints every key".to_owned())
}

/// Levenshtein distance; the names are short.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let next = (diagonal + usize::from(a != *b)).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = row[j + 1];
            row[j + 1] = next;
        }
    }
    row[right.len()]
}
