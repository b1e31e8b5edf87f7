//! The service: database, clock, randomness, keys and policies, wired once and passed to every operation.

use std::sync::{Arc, OnceLock};

use anyhow::Context;
use uuid::Uuid;

use crate::access::{Denials, Holders, Oidc, Policies, TenantDirectory};
use crate::audit;
use crate::clock::Clock;
use crate::config::Config;
use crate::decisions::Tally;
use crate::entropy::Entropy;
use crate::error::{Error, Result};
use crate::notices::Sent;
use crate::requirements::Manifests;
use crate::storage::Database;
use crate::vault::{Keks, Keyring, Master, Subjects};

/// What every operation needs. No globals: a test has as many of these as it likes.
pub struct App {
    config: Config,
    database: Database,
    clock: Arc<dyn Clock>,
    entropy: Arc<Entropy>,
    master: Master,
    keyring: Keyring,
    holders: Holders,
    policies: Policies,
    oidc: Oidc,
    subjects: Subjects,
    audit: audit::Log,
    denials: Denials,
    manifests: Manifests,
    tally: Tally,
    sent: Sent,
    root: OnceLock<Uuid>,
}

impl App {
    /// Opens database and key, and brings the schema up to date when the configuration asks for it.
    ///
    /// # Errors
    /// With the place and the remedy, for the person who starts the service.
    pub async fn open(config: Config, clock: Arc<dyn Clock>, entropy: Entropy) -> anyhow::Result<Arc<Self>> {
        let entropy = Arc::new(entropy);
        let keks = Keks::open(&config.keys, &entropy, &clock).await?;
        if config.database.migrate_at_start {
            let ran = crate::storage::migrate_as_owner(&config.database).await?;
            if ran > 0 {
                tracing::info!(migrations = ran, "schema brought up to date");
            }
        }
        let connection = crate::storage::connect(&config.database).await?;
        crate::storage::inspect(&connection, &config.database).await?;
        if !config.database.migrate_at_start && crate::storage::pending_migrations(&connection).await? > 0 {
            anyhow::bail!("the database schema is older than this program; run `suimon migrate`");
        }
        let database = Database::new(connection);
        let master = Master::open(keks, &database, &entropy, &*clock).await?;
        let audit = audit::Log::start(database.clone(), &master.derive("suimon audit head"), entropy.clone());
        let oidc = Oidc::new(&config.identity)?;
        let app = Self {
            config,
            clock,
            entropy,
            keyring: Keyring::new(&master),
            master,
            holders: Holders::start(&database),
            policies: Policies::default(),
            oidc,
            subjects: Subjects::start(&database),
            audit,
            denials: Denials::new(&database),
            manifests: Manifests::start(&database),
            tally: Tally::default(),
            sent: Sent::default(),
            root: OnceLock::new(),
            database,
        };
        if let Some(root) =
            TenantDirectory::find_operator(&app.database).await.context("cannot read tenants")?
        {
            app.remember_root(root);
        }
        Ok(Arc::new(app))
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The clock.
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Randomness.
    pub fn entropy(&self) -> &Entropy {
        &self.entropy
    }

    /// The key-encryption keys and the service's own secrets.
    pub fn master(&self) -> &Master {
        &self.master
    }

    /// The tenants' keys.
    pub(crate) fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// The operator: the root tenant.
    ///
    /// # Errors
    /// `CONFLICT` before `suimon init`.
    pub fn root(&self) -> Result<Uuid> {
        self.root.get().copied().ok_or_else(|| {
            Error::conflict("this installation has no operator yet").remedy("run `suimon init`")
        })
    }

    pub(crate) fn remember_root(&self, root: Uuid) {
        // A second call can only bring the same value: there is one operator in a database.
        let _ = self.root.set(root);
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    /// What this node's sender has done.
    pub fn sent(&self) -> &Sent {
        &self.sent
    }

    /// The providers of identity.
    pub fn oidc(&self) -> &Oidc {
        &self.oidc
    }

    pub(crate) fn policies(&self) -> &Policies {
        &self.policies
    }

    pub(crate) fn holders(&self) -> &Holders {
        &self.holders
    }

    pub(crate) fn subjects(&self) -> &Subjects {
        &self.subjects
    }

    pub(crate) fn manifests(&self) -> &Manifests {
        &self.manifests
    }

    pub(crate) fn audit(&self) -> &audit::Log {
        &self.audit
    }

    pub(crate) fn denials(&self) -> &Denials {
        &self.denials
    }

    pub(crate) fn tally(&self) -> &Tally {
        &self.tally
    }
}
