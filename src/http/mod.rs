//! HTTP: router, signing in, GraphQL, health. Nothing that this service sends is ever cached.

mod auth;
mod authzen;
mod calendar;
mod documents;
mod graphql;
mod headers;
mod hooks;
pub(crate) mod listen;
mod metrics;
mod oidc;
mod portal;
mod remainder;
mod second_factor;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{Html, IntoResponse};
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;

use self::listen::Limits;
use crate::app::App;
use crate::decisions::Sought;
use crate::graphql::SuimonSchema;
use crate::graphql::documents::Documents;
use crate::notices::hooks::{Hooks, Provider};

#[derive(Clone)]
struct Service {
    app: Arc<App>,
    schema: SuimonSchema,
    documents: Arc<Documents>,
    streams: Arc<graphql::Streams>,
    calendars: Arc<calendar::Gates>,
    portal: Arc<portal::Gates>,
}

/// The routes of the service. Streams end when `closing` becomes true.
fn router(app: Arc<App>, hooks: &Arc<Hooks>, closing: watch::Receiver<bool>) -> anyhow::Result<Router> {
    let config = &app.config().server;
    let (timeout, body) = (Duration::from_secs(config.request_timeout_seconds), config.max_body_bytes);
    let schema = crate::graphql::schema(&app.config().graphql, config.development);
    let documents = Arc::new(Documents::new(&app.config().graphql)?);
    let search =
        |sought| move |service, id, headers, body| authzen::search(sought, service, id, headers, body);
    let public_url = config.public_url.clone();
    let signing = Router::new()
        .route("/auth/sign-in", post(auth::sign_in))
        .route("/auth/sign-out", post(auth::sign_out))
        .route("/auth/second-factor", post(second_factor::sign_in))
        .route("/auth/second-factor/enrol", post(second_factor::enrol))
        .route("/auth/second-factor/confirm", post(second_factor::confirm))
        .route("/auth/second-factor/recovery-codes", post(second_factor::recovery_codes))
        .route("/auth/second-factor/remove", post(second_factor::remove))
        .route("/auth/password", post(second_factor::password))
        .route("/auth/oidc/begin", post(oidc::begin))
        .route("/auth/oidc/finish", post(oidc::finish))
        .route("/auth/re-authenticate", post(second_factor::re_authenticate))
        .route_layer(axum::middleware::from_fn(move |request: Request, next: Next| {
            let here = headers::sent_from_here(request.headers(), &public_url);
            async move { if here { next.run(request).await } else { auth::from_elsewhere() } }
        }));
    let mut router = Router::new()
        .merge(signing)
        .merge(portal::routes(&app))
        .merge(hooks::routes(hooks, Provider::configured(&app.config().mail)))
        .route("/auth/oidc", get(oidc::offered))
        // A navigation that the provider begins: it comes from elsewhere.
        .route("/auth/oidc/callback/{provider}", get(oidc::callback))
        // The provider itself: its token says who it is.
        .route(
            "/auth/oidc/backchannel-logout/{provider}",
            post(oidc::logout).layer(DefaultBodyLimit::max(oidc::LOGOUT_BYTES)),
        )
        .route("/", get(index))
        .route("/graphql", get(graphql::get).post(graphql::post))
        .route("/documents/{name}", get(documents::get))
        .route("/.well-known/authzen-configuration", get(authzen::configuration))
        .route("/access/v1/evaluation", post(authzen::evaluation))
        .route("/access/v1/evaluations", post(authzen::evaluations))
        .route("/access/v1/search/subject", post(search(Sought::Subject)))
        .route("/access/v1/search/resource", post(search(Sought::Resource)))
        .route("/access/v1/search/action", post(search(Sought::Action)))
        .route("/calendar/{file}", get(calendar::feed))
        .route("/health/live", get(|| async { "ok\n" }))
        .route("/health/ready", get(ready))
        .route("/metrics", get(metrics::get));
    if config.development {
        router = router.route("/graphiql", get(graphql::graphiql));
    }
    Ok(router
        .fallback(|| async { (StatusCode::NOT_FOUND, "not found\n") })
        .layer(RequestBodyLimitLayer::new(body))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, timeout))
        .layer(CatchPanicLayer::custom(|_| {
            // The panic's text may quote data; it goes nowhere.
            (StatusCode::INTERNAL_SERVER_ERROR, "internal error\n").into_response()
        }))
        .layer(axum::middleware::from_fn(remainder::read))
        .layer(axum::middleware::from_fn(headers::apply))
        .with_state(Service {
            app,
            schema,
            documents,
            streams: Arc::new(graphql::Streams::new(closing)),
            calendars: Arc::default(),
            portal: Arc::default(),
        }))
}

/// Serves until `shutdown` resolves; requests under way are finished, subscriptions end.
///
/// # Errors
/// When what the configuration names cannot be read.
pub async fn run(
    app: Arc<App>,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let (tally, denials) = (app.tally().clone(), app.denials().clone());
    let hooks = Arc::new(Hooks::new(&app)?);
    let (closing, closed) = watch::channel(false);
    let shutdown = async move {
        shutdown.await;
        closing.send_replace(true);
    };
    listen::serve(listener, router(app, &hooks, closed)?, Limits::default(), shutdown).await;
    tally.flush().await;
    denials.flush().await;
    hooks.flush().await;
    Ok(())
}

async fn index(axum::extract::State(service): axum::extract::State<Service>) -> Html<String> {
    let hint = if service.app.config().server.development {
        "<p>Development mode: <a href=\"/graphiql\">GraphiQL</a>.</p>"
    } else {
        ""
    };
    Html(format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Suimon</title>\
         <h1>Suimon <span lang=\"ja\">水門</span></h1><p>The API is at <code>/graphql</code>.</p>{hint}</html>"
    ))
}

async fn ready(axum::extract::State(service): axum::extract::State<Service>) -> impl IntoResponse {
    match service.app.database().bare().ping().await {
        // Not a reason to turn everybody away: what is loaded goes on, and other nodes have the same trouble.
        Ok(()) if service.app.master().trouble().is_some() => {
            (StatusCode::OK, "ok, but the holder of the key-encryption key does not answer or refuses\n")
        }
        Ok(()) => (StatusCode::OK, "ok\n"),
        Err(error) => {
            tracing::warn!(%error, "not ready: database");
            (StatusCode::SERVICE_UNAVAILABLE, "database unavailable\n")
        }
    }
}
