//! Pages in Japanese and English from templates, and what their answers say to browsers and caches.

use anyhow::Context as _;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context};
use serde::Deserialize;

/// Everything comes from the application itself: no script of its own, and room for the guard's.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'",
);

const LAYOUT: &str = include_str!("../../../../templates/example/layout.html");
const STYLE: &str = include_str!("../../../../templates/example/site.css");

/// In which language a page is; `?lang=en` says so, in forms as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    #[default]
    Ja,
    En,
}

/// The query of every page.
#[derive(Clone, Copy, Default, Deserialize)]
pub struct Spoken {
    #[serde(default)]
    pub lang: Lang,
}

impl Lang {
    /// The one of two texts that is in this language.
    pub fn of<'t>(self, ja: &'t str, en: &'t str) -> &'t str {
        if self == Self::Ja { ja } else { en }
    }

    /// An address of the application in this language.
    pub fn link(self, path: &str) -> String {
        match self {
            Self::Ja => path.to_owned(),
            Self::En => format!("{path}?lang=en"),
        }
    }

    /// Shows another page after a form.
    pub fn see(self, path: &str) -> Response {
        Redirect::to(&self.link(path)).into_response()
    }
}

/// Templates of an application.
pub struct Pages {
    templates: Environment<'static>,
    system: (&'static str, &'static str),
}

impl Pages {
    /// # Errors
    /// When a template does not read.
    pub fn new(
        system: (&'static str, &'static str),
        templates: &[(&'static str, &'static str)],
    ) -> anyhow::Result<Self> {
        let mut environment = Environment::new();
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        for (name, text) in [("layout", LAYOUT)].iter().chain(templates) {
            environment.add_template(name, text).with_context(|| format!("the page {name}"))?;
        }
        Ok(Self { templates: environment, system })
    }

    /// A page. `path` is its own address, for the switch of the language; `who` is who is signed in.
    pub fn show(&self, name: &str, lang: Lang, path: &str, who: Option<&str>, values: Value) -> Response {
        let pick = move |ja: String, en: String| lang.of(&ja, &en).to_owned();
        let all = context! {
            t => Value::from_function(pick),
            // Addresses are the application's own: nothing in them is to be escaped.
            link => Value::from_function(move |path: String| Value::from_safe_string(lang.link(&path))),
            ja => lang == Lang::Ja,
            other => Value::from_safe_string(if lang == Lang::Ja { Lang::En } else { Lang::Ja }.link(path)),
            system => lang.of(self.system.0, self.system.1),
            who,
            ..values
        };
        match self.templates.get_template(name).and_then(|template| template.render(all)) {
            Ok(page) => {
                let fields = [
                    (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
                    (header::CONTENT_SECURITY_POLICY, POLICY),
                    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
                    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
                ];
                (fields, page).into_response()
            }
            Err(error) => {
                // The error may quote values of the page.
                tracing::error!(name, kind = ?error.kind(), "a page of the example cannot be made");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }

    /// A page that says no, with its status.
    pub fn refuse(&self, status: StatusCode, lang: Lang, who: Option<&str>, why: Value) -> Response {
        (status, self.show("refused", lang, "/", who, why)).into_response()
    }
}

/// The style of all pages: public, for an hour.
pub async fn style() -> Response {
    (
        [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "public, max-age=3600")],
        STYLE,
    )
        .into_response()
}

/// What an answer on a public route says to caches, unless it says something already; on a personal one nothing, unless the application
/// is careful.
pub fn tell_caches(fields: &mut HeaderMap, public: bool, careful: bool) {
    if fields.contains_key(header::CACHE_CONTROL) {
        return;
    }
    let said = match (public, careful) {
        (true, _) => "public, max-age=60",
        (false, true) => "private, no-store",
        (false, false) => return,
    };
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static(said));
}

/// Names whom an answer is about in a field for the guard. An empty one says that nobody is signed in.
pub fn name(fields: &mut HeaderMap, field: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        fields.insert(field, value);
    }
}
