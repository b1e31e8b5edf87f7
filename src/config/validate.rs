//! What a type cannot say: ranges, addresses, combinations.

use std::net::SocketAddr;
use std::path::{Component, Path};

use openidconnect::url::Url;

use super::{Config, MailTransport, SmtpTls, TrustedDocuments};
use crate::outbound;

/// Words for an error of reading. Unexpected values are not repeated: they may be secrets.
pub fn describe(kind: &figment::error::Kind) -> String {
    use figment::error::Kind;
    match kind {
        Kind::UnknownVariant(_, expected) => format!("wants one of {}", expected.join(", ")),
        Kind::InvalidType(_, expected) | Kind::InvalidValue(_, expected) => format!("wants {expected}"),
        Kind::MissingField(field) => format!("{field} is missing"),
        _ => "is not usable".to_owned(),
    }
}

pub fn check(config: &Config, problems: &mut Vec<String>) {
    let mut require = |holds: bool, problem: &str| {
        if !holds {
            problems.push(problem.to_owned());
        }
    };
    let server = &config.server;
    require(
        server.listen.parse::<SocketAddr>().is_ok(),
        "server.listen: wants an address and a port, such as 127.0.0.1:8480 or [::]:8480",
    );
    require(
        server.public_url.starts_with("http://") || server.public_url.starts_with("https://"),
        "server.public_url: wants to begin with https:// (or http:// on the own machine)",
    );
    require(
        (1..=600).contains(&server.request_timeout_seconds),
        "server.request_timeout_seconds: wants 1 to 600",
    );
    require(
        (1024..=64 << 20).contains(&server.max_body_bytes),
        "server.max_body_bytes: wants 1024 to 67108864 (64 MiB)",
    );
    let token = config.server.metrics_token.expose();
    require(
        token.is_empty() || token.len() >= 16,
        "server.metrics_token: wants at least 16 characters, or none",
    );
    let database = config.database.url.expose();
    require(
        database.starts_with("sqlite://")
            || database.starts_with("postgres://")
            || database.starts_with("postgresql://"),
        "database.url: wants sqlite://path or postgres://user:password@host/database",
    );
    require(
        database != "sqlite://:memory:" && database != "sqlite::memory:",
        "database.url: an in-memory database is lost at the end; give a path",
    );
    require(
        (1..=1000).contains(&config.database.max_connections),
        "database.max_connections: wants 1 to 1000",
    );
    require(!config.keys.file.is_empty(), "keys.file: wants the path of the key file");
    let identity = &config.identity;
    require(
        (1..=1440).contains(&identity.session_idle_minutes),
        "identity.session_idle_minutes: wants 1 to 1440",
    );
    require(
        (1..=168).contains(&identity.session_absolute_hours),
        "identity.session_absolute_hours: wants 1 to 168",
    );
    require((3..=100).contains(&identity.lock_after_tries), "identity.lock_after_tries: wants 3 to 100");
    require((1..=1440).contains(&identity.lock_minutes), "identity.lock_minutes: wants 1 to 1440");
    require(
        identity.roles_with_second_factor().is_ok(),
        "identity.require_second_factor: wants names of roles separated by commas, such as operator_admin, compliance_officer",
    );
    require(
        (1..=60).contains(&identity.reauthentication_minutes),
        "identity.reauthentication_minutes: wants 1 to 60",
    );
    require((1..=10_000).contains(&identity.bulk_read_people), "identity.bulk_read_people: wants 1 to 10000");
    require(
        (8..=128).contains(&identity.password_min_length),
        "identity.password_min_length: wants 8 to 128",
    );
    require(
        (8192..=1 << 20).contains(&identity.argon2_memory_kib),
        "identity.argon2_memory_kib: wants 8192 to 1048576; less is too easy to attack",
    );
    require((1..=20).contains(&identity.argon2_passes), "identity.argon2_passes: wants 1 to 20");
    require((1..=16).contains(&identity.argon2_lanes), "identity.argon2_lanes: wants 1 to 16");
    for problem in super::oidc::check(&identity.oidc) {
        require(false, &problem);
    }
    let graphql = &config.graphql;
    require((3..=50).contains(&graphql.max_depth), "graphql.max_depth: wants 3 to 50");
    require(
        (100..=1_000_000).contains(&graphql.max_complexity),
        "graphql.max_complexity: wants 100 to 1000000",
    );
    require((1..=1000).contains(&graphql.max_aliases), "graphql.max_aliases: wants 1 to 1000");
    require((50..=100_000).contains(&graphql.max_tokens), "graphql.max_tokens: wants 50 to 100000");
    require((1..=1000).contains(&graphql.max_streams), "graphql.max_streams: wants 1 to 1000");
    require(
        (1..=86_400).contains(&graphql.max_stream_seconds),
        "graphql.max_stream_seconds: wants 1 to 86400",
    );
    require((1..=1000).contains(&graphql.max_directives), "graphql.max_directives: wants 1 to 1000");
    require(
        (1..server.request_timeout_seconds).contains(&graphql.max_seconds),
        "graphql.max_seconds: wants at least 1 and less than server.request_timeout_seconds",
    );
    require(
        graphql.trusted_documents == TrustedDocuments::Off || !graphql.trusted_documents_path.is_empty(),
        "graphql.trusted_documents_path: wants a folder or a file, because graphql.trusted_documents is not off",
    );
    require((1..=1000).contains(&graphql.max_page), "graphql.max_page: wants 1 to 1000");
    let duties = &config.duties;
    require(duties.remind_minutes <= 1440, "duties.remind_minutes: wants 0 to 1440");
    require(
        duties.webhook_url.is_empty()
            || Url::parse(&duties.webhook_url).is_ok_and(|url| outbound::is_protected(&url)),
        "duties.webhook_url: wants an address that begins with https:// (or http:// on the own machine), without a user",
    );
    require(
        duties.webhook_url.is_empty() || duties.webhook_secret.expose().len() >= 16,
        "duties.webhook_secret: wants at least 16 characters, because duties.webhook_url is set",
    );
    require(
        (1..=60).contains(&duties.webhook_timeout_seconds),
        "duties.webhook_timeout_seconds: wants 1 to 60",
    );
    let mail = &config.mail;
    require(
        mail.from_address.parse::<lettre::Address>().is_ok(),
        "mail.from_address: wants a mail address such as notice@example.org",
    );
    require((1..=100).contains(&mail.smtp_connections), "mail.smtp_connections: wants 1 to 100");
    require(mail.domain_connections <= 100, "mail.domain_connections: wants 0 to 100");
    if let Err(problem) = super::domain_rates(&mail.domain_rates) {
        require(false, &format!("mail.domain_rates: {problem}"));
    }
    require(
        mail.dkim_selector.is_empty() == mail.dkim_key_file.is_empty(),
        "mail.dkim_selector and mail.dkim_key_file: want each other, or both empty",
    );
    for (holds, problem) in super::hooks::check(mail) {
        require(holds, problem);
    }
    require((1..=86_400).contains(&mail.return_seconds), "mail.return_seconds: wants 1 to 86400");
    require((1..=600).contains(&mail.smtp_timeout_seconds), "mail.smtp_timeout_seconds: wants 1 to 600");
    if mail.transport == MailTransport::Smtp {
        require(!mail.smtp_host.is_empty(), "mail.smtp_host: wants the name of the server");
        if let Err(problem) = super::servers(&mail.smtp_fallbacks) {
            require(false, &format!("mail.smtp_fallbacks: {problem}"));
        }
        require(
            mail.smtp_username.is_empty() || mail.smtp_tls != SmtpTls::None,
            "mail.smtp_tls: with a username the connection must be protected; choose starttls or implicit",
        );
    }
    let outbox = &config.outbox;
    require((1..=1000).contains(&outbox.batch), "outbox.batch: wants 1 to 1000");
    require(
        u64::from(outbox.lease_seconds) > mail.smtp_timeout_seconds && outbox.lease_seconds <= 3600,
        "outbox.lease_seconds: wants more than mail.smtp_timeout_seconds and at most 3600, or a slow answer is sent twice",
    );
    require((1..=100).contains(&outbox.max_attempts), "outbox.max_attempts: wants 1 to 100");
    require((1..=86400).contains(&outbox.backoff_seconds), "outbox.backoff_seconds: wants 1 to 86400");
    require(
        outbox.backoff_cap_seconds >= outbox.backoff_seconds && outbox.backoff_cap_seconds <= 604_800,
        "outbox.backoff_cap_seconds: wants outbox.backoff_seconds to 604800",
    );
    require((10..=60_000).contains(&outbox.poll_milliseconds), "outbox.poll_milliseconds: wants 10 to 60000");
    let notices = &config.notices;
    require((1..=3650).contains(&notices.link_days), "notices.link_days: wants 1 to 3650");
    require((1..=3650).contains(&notices.tenant_link_days), "notices.tenant_link_days: wants 1 to 3650");
    require((1..=365).contains(&notices.answer_days), "notices.answer_days: wants 1 to 365");
    let jobs = &config.jobs;
    require((10..=60_000).contains(&jobs.poll_milliseconds), "jobs.poll_milliseconds: wants 10 to 60000");
    require((10..=3600).contains(&jobs.lease_seconds), "jobs.lease_seconds: wants 10 to 3600");
    require(
        config.duties.webhook_url.is_empty()
            || u64::from(jobs.lease_seconds) > config.duties.webhook_timeout_seconds,
        "jobs.lease_seconds: wants more than duties.webhook_timeout_seconds, or a slow answer is posted twice",
    );
    require(config.audit.checkpoint_minutes <= 10_080, "audit.checkpoint_minutes: wants 0 (never) to 10080");
    require(config.audit.verify_hours <= 8760, "audit.verify_hours: wants 0 (never) to 8760");
    let audit = &config.audit;
    require(audit.keep_days <= 36_500, "audit.keep_days: wants 0 (for ever) to 36500");
    require(
        audit.keep_days == 0 || !audit.archive_folder.is_empty(),
        "audit.archive_folder: wants a folder, because audit.keep_days lets entries go, and they go nowhere else",
    );
    require(
        audit.keep_days == 0 || audit.checkpoint_minutes > 0,
        "audit.checkpoint_minutes: wants more than 0, because audit.keep_days lets entries go up to a checkpoint only",
    );
    let retention = &config.retention;
    require(retention.every_hours <= 8760, "retention.every_hours: wants 0 (never) to 8760");
    for (key, days) in [
        ("session_days", retention.session_days),
        ("token_days", retention.token_days),
        ("captured_mail_days", retention.captured_mail_days),
        ("import_batch_days", retention.import_batch_days),
        ("job_days", retention.job_days),
        ("denial_days", retention.denial_days),
    ] {
        require((1..=3650).contains(&days), &format!("retention.{key}: wants 1 to 3650"));
    }
    let emergency = &config.emergency;
    require((1..=1440).contains(&emergency.max_minutes), "emergency.max_minutes: wants 1 to 1440");
    require((1..=10_080).contains(&emergency.request_minutes), "emergency.request_minutes: wants 1 to 10080");
    require((1..=20).contains(&emergency.max_open), "emergency.max_open: wants 1 to 20");
    let exposure = &config.exposure;
    match exposure.sources() {
        Ok(sources) => {
            let names: std::collections::BTreeSet<&str> = sources.iter().map(|(name, _)| *name).collect();
            require(names.len() == sources.len(), "exposure.log_sources: has a name twice");
        }
        Err(entry) => require(
            false,
            &format!(
                "exposure.log_sources: {entry:?} is none; wants NAME=PLACE separated by commas, names of a-z, 0-9 and -"
            ),
        ),
    }
    if let Err((key, problem)) = exposure.forms().check() {
        require(false, &format!("exposure.{key}: {problem}"));
    }
    if config.drill.folder().is_some() {
        for (holds, problem) in nothing_leaves(config) {
            require(holds, problem);
        }
    }
    require(
        tracing_subscriber::EnvFilter::try_new(&config.log.filter).is_ok(),
        "log.filter: wants a filter such as info or suimon=debug,warn",
    );
    super::keys::check(&config.keys, problems);
}

/// A drill has made-up people and a clock that is wrong, so it reaches nobody and touches no real installation. Variables of the place where
/// it is held count like its file: each place is looked at, not only where the file leads.
fn nothing_leaves(config: &Config) -> [(bool, &'static str); 7] {
    let (keys, audit) = (&config.keys, &config.audit);
    let folder = Path::new(config.drill.folder().unwrap_or_default());
    let is_inside = |place: &str| {
        let place = Path::new(place);
        place.starts_with(folder) && !place.components().any(|part| part == Component::ParentDir)
    };
    let inside_or_none = |place: &String| place.is_empty() || is_inside(place);
    let database = format!("sqlite://{}", folder.join("suimon.db").display());
    let logs = config.exposure.sources().unwrap_or_default();
    [
        (
            config.mail.transport == MailTransport::Captured,
            "mail.transport: wants captured, because drill.folder is given: a drill sends no mail",
        ),
        (
            config.mail.ses_topic.is_empty(),
            "mail.ses_topic: wants none, because drill.folder is given: a drill asks nobody for certificates",
        ),
        (
            config.database.url.expose() == database
                && config.database.migrate_url.expose().is_empty()
                && config.database.migrate_url_file.is_empty(),
            "database.url: wants a SQLite database of its own, because drill.folder is given",
        ),
        (
            keys.transit_url.is_empty() && keys.kms_key.is_empty() && is_inside(&keys.file),
            "keys: want a local key file of its own, because drill.folder is given: a drill asks no key server",
        ),
        (
            config.identity.oidc.is_empty(),
            "identity.oidc: wants no provider, because drill.folder is given: nobody signs in to a drill elsewhere",
        ),
        (
            inside_or_none(&audit.checkpoint_folder) && inside_or_none(&audit.archive_folder),
            "audit: wants folders of its own, because drill.folder is given",
        ),
        (
            logs.iter().all(|(_, place)| is_inside(place)),
            "exposure.log_sources: want places of its own, because drill.folder is given",
        ),
    ]
}
