//! Failures as clients see them: expected ones are data, all others are "internal error".

use async_graphql::{Enum, ErrorExtensions, SimpleObject};

use crate::error::{self, Code, Error};

/// Stable codes of expected failures.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub enum ProblemCode {
    /// It does not exist, or you may not know that it does.
    NotFound,
    /// You may know of it but not do this to it.
    Forbidden,
    /// Nobody is signed in.
    Unauthenticated,
    /// The input is wrong.
    Invalid,
    /// The present state does not allow it.
    Conflict,
    /// A limit was exceeded.
    LimitExceeded,
    /// The answer stands, but something may be missing from it.
    Incomplete,
    /// You signed in too long ago for this: POST /auth/re-authenticate, then ask again.
    ReauthenticationRequired,
    /// Your role asks for a second factor, and you have none yet.
    SecondFactorRequired,
    /// A service that this one needs does not answer: try again later.
    Unavailable,
}

impl From<Code> for ProblemCode {
    fn from(code: Code) -> Self {
        match code {
            Code::NotFound => ProblemCode::NotFound,
            Code::Forbidden => ProblemCode::Forbidden,
            Code::Unauthenticated => ProblemCode::Unauthenticated,
            Code::Invalid => ProblemCode::Invalid,
            Code::Conflict => ProblemCode::Conflict,
            Code::LimitExceeded => ProblemCode::LimitExceeded,
            Code::Incomplete => ProblemCode::Incomplete,
            Code::ReauthenticationRequired => ProblemCode::ReauthenticationRequired,
            Code::SecondFactorRequired => ProblemCode::SecondFactorRequired,
            Code::Unavailable => ProblemCode::Unavailable,
        }
    }
}

/// An expected failure: what is wrong, where, and what to do about it.
#[derive(SimpleObject)]
pub struct Problem {
    code: ProblemCode,
    message: String,
    /// Which input it is about.
    field: Option<String>,
    /// What to do about it.
    remedy: Option<String>,
}

impl From<error::Problem> for Problem {
    fn from(problem: error::Problem) -> Self {
        let error::Problem { code, message, field, remedy } = problem;
        Self { code: code.into(), message, field, remedy }
    }
}

/// The only door from the parts' errors to GraphQL errors: inner texts stay inside.
impl From<Error> for async_graphql::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Expected(problem) => async_graphql::Error::new(problem.to_string())
                .extend_with(|_, extensions| extensions.set("code", problem.code.as_str())),
            Error::Internal(error) => {
                tracing::error!(error = format!("{error:#}"), "request failed");
                async_graphql::Error::new("internal error")
                    .extend_with(|_, extensions| extensions.set("code", "INTERNAL"))
            }
        }
    }
}

/// Splits a result for a payload union: the expected failure becomes data.
pub fn settle<T>(result: error::Result<T>) -> async_graphql::Result<Result<T, Problem>> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(Error::Expected(problem)) => Ok(Err(problem.into())),
        Err(error) => Err(error.into()),
    }
}

/// Declares the payload union of a mutation: its success type, or `Problem`.
macro_rules! payload {
    ($(#[$doc:meta])* $name:ident, $success:ty) => {
        $(#[$doc])*
        #[derive(async_graphql::Union)]
        pub enum $name {
            Success($success),
            Problem($crate::graphql::problem::Problem),
        }

        impl $name {
            /// From the result of a part, through `convert`.
            pub fn from_result<T>(
                result: $crate::error::Result<T>,
                convert: impl FnOnce(T) -> $success,
            ) -> async_graphql::Result<Self> {
                Ok(match $crate::graphql::problem::settle(result)? {
                    Ok(value) => Self::Success(convert(value)),
                    Err(problem) => Self::Problem(problem),
                })
            }
        }
    };
}
pub(crate) use payload;
