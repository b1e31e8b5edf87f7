//! The one error that leaves a part. What a client may read is data (`Problem`); everything else stays inside.

use std::fmt;

use serde::Serialize;

/// Result of a use case.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Stable codes that clients may match on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Code {
    /// It does not exist, or the caller may not know that it does.
    NotFound,
    /// The caller may know of it but not do this to it.
    Forbidden,
    /// Nobody is signed in.
    Unauthenticated,
    /// The input is wrong; `field` names the place, `remedy` says what to do.
    Invalid,
    /// The input is right but the present state does not allow it.
    Conflict,
    /// A limit was exceeded.
    LimitExceeded,
    /// The answer stands, but something may be missing from it.
    Incomplete,
    /// The session is old for what is asked: its owner must prove again who they are.
    ReauthenticationRequired,
    /// The caller's role asks for a second factor, and there is none yet.
    SecondFactorRequired,
    /// A service that this one needs does not answer; later it may.
    Unavailable,
}

impl Code {
    /// The code as clients see it.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::NotFound => "NOT_FOUND",
            Code::Forbidden => "FORBIDDEN",
            Code::Unauthenticated => "UNAUTHENTICATED",
            Code::Invalid => "INVALID",
            Code::Conflict => "CONFLICT",
            Code::LimitExceeded => "LIMIT_EXCEEDED",
            Code::Incomplete => "INCOMPLETE",
            Code::ReauthenticationRequired => "REAUTHENTICATION_REQUIRED",
            Code::SecondFactorRequired => "SECOND_FACTOR_REQUIRED",
            Code::Unavailable => "UNAVAILABLE",
        }
    }
}

/// An expected failure, in words meant for the caller. Never contains personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Stable code.
    pub code: Code,
    /// What is wrong.
    pub message: String,
    /// Which input it is about.
    pub field: Option<String>,
    /// What to do about it.
    pub remedy: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(field) = &self.field {
            write!(formatter, "{field}: ")?;
        }
        formatter.write_str(&self.message)?;
        if let Some(remedy) = &self.remedy {
            write!(formatter, "; {remedy}")?;
        }
        Ok(())
    }
}

/// Failure of a use case.
#[derive(Debug)]
pub enum Error {
    /// Expected: shown to the caller as data.
    Expected(Problem),
    /// Unexpected: logged, shown to the caller as "internal error" only.
    Internal(anyhow::Error),
}

impl Error {
    fn expected(code: Code, message: impl Into<String>) -> Self {
        Error::Expected(Problem { code, message: message.into(), field: None, remedy: None })
    }

    /// `what` does not exist for this caller.
    pub fn not_found(what: &str) -> Self {
        Self::expected(Code::NotFound, format!("{what} not found"))
    }

    /// The caller may not do this.
    pub fn forbidden(action: &str, object: &str) -> Self {
        Self::expected(Code::Forbidden, format!("not allowed: {action} on {object}"))
    }

    /// Nobody is signed in, or the credentials are wrong.
    pub fn unauthenticated(message: &str) -> Self {
        Self::expected(Code::Unauthenticated, message)
    }

    /// Input `field` is wrong.
    pub fn invalid(field: &str, message: impl Into<String>) -> Self {
        Error::Expected(Problem {
            code: Code::Invalid,
            message: message.into(),
            field: Some(field.to_owned()),
            remedy: None,
        })
    }

    /// The state does not allow it.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::expected(Code::Conflict, message)
    }

    /// A limit was exceeded.
    pub fn limit(message: impl Into<String>) -> Self {
        Self::expected(Code::LimitExceeded, message)
    }

    /// The caller signed in too long ago for this.
    pub fn reauthentication_required(minutes: u32) -> Self {
        Self::expected(
            Code::ReauthenticationRequired,
            format!("this wants proof, not older than {minutes} minutes, of who you are"),
        )
        .remedy("POST /auth/re-authenticate with your password, and a code where you have a second factor; then ask again")
    }

    /// The caller has to enrol a second factor before anything else.
    pub fn second_factor_required() -> Self {
        Self::expected(
            Code::SecondFactorRequired,
            "your role asks for a second factor, and you have none yet",
        )
        .remedy(
            "POST /auth/second-factor/enrol, then POST /auth/second-factor/confirm with a code of your app",
        )
    }

    /// A service that this one needs does not answer.
    pub fn unavailable(what: &str) -> Self {
        Self::expected(Code::Unavailable, format!("{what} does not answer")).remedy("try again later")
    }

    /// Something may be missing from the answer.
    pub fn incomplete(message: impl Into<String>) -> Self {
        Self::expected(Code::Incomplete, message)
    }

    /// Adds what the caller can do about it.
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        if let Error::Expected(problem) = &mut self {
            problem.remedy = Some(remedy.into());
        }
        self
    }

    /// The problem, where it is an expected one.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Error::Expected(problem) => Some(problem),
            Error::Internal(_) => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Expected(problem) => problem.fmt(formatter),
            Error::Internal(error) => write!(formatter, "internal error: {error:#}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<anyhow::Error> for Error {
    fn from(error: anyhow::Error) -> Self {
        Error::Internal(error)
    }
}

impl From<sea_orm::DbErr> for Error {
    fn from(error: sea_orm::DbErr) -> Self {
        Error::Internal(anyhow::Error::new(error).context("database"))
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        // serde_json's messages quote no values except unexpected types; stored documents hold no personal data in clear.
        Error::Internal(anyhow::Error::new(error).context("stored document"))
    }
}
