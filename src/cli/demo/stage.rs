//! The service of the demo with its simulated clock, and who acts on it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use exposure::simulate::{Day, founding_day};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::client::Client;
use super::narrator::Narrator;
use super::summary::Score;
use crate::access::{FirstAdmin, Initialised, NewOperator, every_scope, initialise, issue_token_for};
use crate::app::App;
use crate::cli::example::{OPERATOR_EN, OPERATOR_JA, toml_text};
use crate::cli::{Failure, output};
use crate::clock::SteppedClock;
use crate::config::{self, Sources};
use crate::drill::create_private;
use crate::entropy::Entropy;

/// Where people of the example live, and the incident's zone.
pub const ZONE: &str = "Asia/Tokyo";

/// Logins of the demo's accounts with their role and what they are called.
pub const ACCOUNTS: [(&str, &str, &str); 3] = [
    ("officer", "COMPLIANCE_OFFICER", "Compliance officer"),
    ("approver", "APPROVER", "Approver"),
    ("auditor", "AUDITOR", "Auditor"),
];

/// Everything that the story plays on.
pub struct Stage {
    pub app: Arc<App>,
    pub clock: Arc<SteppedClock>,
    pub narrator: Narrator,
    pub day: Day,
    pub folder: PathBuf,
    pub score: Score,
    pub cast: Cast,
    /// The administrator's password, told at the end.
    pub password: String,
    /// Whether the folder stays.
    pub kept: bool,
    url: String,
    http: reqwest::Client,
    shutdown: Option<oneshot::Sender<()>>,
}

/// Who acts. The officer and the others come on stage when the administrator has made their accounts.
pub struct Cast {
    pub admin: Client,
    pub officer: Client,
    pub approver: Client,
    pub auditor: Client,
}

impl Stage {
    /// Starts the service in `data` or in a temporary folder, with an operator and its administrator.
    pub async fn open(
        data: Option<PathBuf>,
        public_url: &str,
        seed: u64,
        pause: Duration,
        keep: bool,
    ) -> Result<Self, Failure> {
        let entropy = Entropy::from_os();
        let kept = keep || data.is_some();
        let folder = match data {
            Some(folder) => folder,
            None => std::env::temp_dir().join(format!("suimon-demo-{}", hex::encode(entropy.bytes::<6>()))),
        };
        create_private(&folder)?;
        let database = folder.join("suimon.db");
        if database.exists() {
            return Err(Failure::usage(format!(
                "--data: {} exists already; name an empty folder, or remove it to replay the day",
                database.display()
            )));
        }
        // The program's own defaults: a suimon.toml or a variable of the place where the demo is tried must not lead it to a
        // real database.
        let configuration = folder.join("suimon.toml");
        std::fs::write(&configuration, configuration_of(&folder, public_url)?)?;
        let sources = Sources {
            file: Some(configuration),
            flags: vec!["log.filter=warn".to_owned(), "outbox.enabled=false".to_owned()],
            ..Default::default()
        };
        let config = config::load(&sources).map_err(|problems| Failure::usage(problems.to_string()))?;
        output::start_logging(&config.log);
        let zone = TimeZone::get(ZONE).context("time zone of the example")?;
        let clock = Arc::new(SteppedClock::new(instant("2023-10-02T09:00")?));
        let app = App::open(config, clock.clone(), entropy).await?;
        let operator = NewOperator {
            slug: "mizuumi".to_owned(),
            name_ja: OPERATOR_JA.to_owned(),
            name_en: OPERATOR_EN.to_owned(),
        };
        let first = FirstAdmin {
            login: "admin".to_owned(),
            display_name: "Administrator".to_owned(),
            password: None,
        };
        let Initialised { generated_password, .. } = initialise(&app, operator, first).await?;
        let listener = TcpListener::bind("127.0.0.1:0").await.context("cannot listen on 127.0.0.1")?;
        let url = format!("http://{}", listener.local_addr()?);
        let (shutdown, ended) = oneshot::channel::<()>();
        let server = app.clone();
        tokio::spawn(async move {
            let until = async {
                // An error means that the stage is gone, which ends the service as well.
                let _ = ended.await;
            };
            if let Err(error) = crate::http::run(server, listener, until).await {
                tracing::error!(%error, "the demo's service ended");
            }
        });
        let http = reqwest::Client::builder().no_proxy().build().context("the HTTP client")?;
        let admin = || Client::new(&http, &url, String::new());
        let cast = Cast { admin: admin(), officer: admin(), approver: admin(), auditor: admin() };
        let narrator = Narrator::new(zone, pause);
        let password = generated_password.unwrap_or_default();
        let mut stage = Self {
            app,
            clock,
            narrator,
            day: founding_day(seed),
            folder,
            score: Score::default(),
            cast,
            password,
            kept,
            url,
            http,
            shutdown: Some(shutdown),
        };
        stage.cast.admin = stage.client("admin").await?;
        Ok(stage)
    }

    /// A client that acts for the account `login`, as `suimon token` on the service's own machine would make one.
    pub async fn client(&self, login: &str) -> Result<Client, Failure> {
        Ok(Client::new(&self.http, &self.url, self.token(login, 60).await?))
    }

    /// A token of the account `login` that ends `days` after the present of the clock.
    pub async fn token(&self, login: &str, days: u32) -> Result<String, Failure> {
        Ok(issue_token_for(&self.app, login, "demo", &every_scope(), days).await?.secret)
    }

    /// Moves the clock to a time of the story, `2023-10-26T11:00`, in the zone of the story.
    pub fn at(&self, time: &str) -> anyhow::Result<Timestamp> {
        let instant = instant(time)?;
        self.clock.set(instant);
        Ok(instant)
    }

    /// Ends the service and removes a temporary folder.
    pub async fn close(mut self) {
        if let Some(shutdown) = self.shutdown.take() {
            let _ = shutdown.send(());
        }
        if !self.kept
            && let Err(error) = std::fs::remove_dir_all(&self.folder)
        {
            output::complain(&format!("cannot remove {} ({error})", self.folder.display()));
        }
    }
}

/// A time of the story, in the zone of the story.
pub fn instant(time: &str) -> anyhow::Result<Timestamp> {
    let zoned = time.parse::<jiff::civil::DateTime>().and_then(|civil| civil.in_tz(ZONE));
    Ok(zoned.with_context(|| format!("{time} is no time of the story"))?.timestamp())
}

/// A configuration with which `suimon serve --config` opens what the demo leaves, at the address that the mails of the demo link to.
fn configuration_of(folder: &Path, public_url: &str) -> anyhow::Result<String> {
    let folder = std::path::absolute(folder).context("the working directory")?;
    let text = |path: PathBuf| toml_text(&path.display().to_string());
    let database = toml_text(&format!("sqlite://{}", folder.join("suimon.db").display()));
    Ok(format!(
        "# Written by suimon demo. Development mode: GraphiQL and introspection.\n[server]\ndevelopment = true\n{}public_url = {}\n\n\
         # The demo plays in 2023: by today's clock most of its people would be erased …\n[retention]\nevery_hours = 0\n\n\
         # … and the links in its mails would be over.\n[notices]\nlink_days = 3650\ntenant_link_days = 3650\n\n\
         [database]\nurl = {database}\n\n[keys]\nfile = {}\n\n[mail]\ntransport = \"captured\"\n",
        listen_at(public_url),
        toml_text(public_url),
        text(folder.join("kek.key"))
    ))
}

/// Where one listens to be found at `url`: known for addresses of this machine, which have no proxy before them.
fn listen_at(url: &str) -> String {
    let address = url.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
    let address = address.map(|address| address.replacen("localhost:", "127.0.0.1:", 1));
    match address.and_then(|address| address.parse::<std::net::SocketAddr>().ok()) {
        Some(address) => format!("listen = {}\n", toml_text(&address.to_string())),
        None => String::new(),
    }
}
