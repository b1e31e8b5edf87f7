//! Relay connections, forward only: lists here are read from their beginning.

use async_graphql::connection::{Connection, Edge, EmptyFields};
use async_graphql::{Context, ObjectType, OutputType};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::{Error, Result};

/// The largest page.
pub struct PageLimit(pub usize);

/// Higher costs are all the same. The library adds costs up without looking whether they overflow: a few that are nearly
/// the largest number would make the sum small.
const HIGHEST_COST: usize = 1 << 32;

/// The cost of a connection: its page size times what one row costs. The library itself counts a list as one.
pub fn cost(first: Option<i32>, row: usize) -> usize {
    // A size out of range is refused by `Page::read`; here it must only not be cheap.
    let rows = first.map_or(50, |first| usize::try_from(first).unwrap_or(HIGHEST_COST));
    rows.saturating_mul(row.max(1)).saturating_add(1).min(HIGHEST_COST)
}

/// A page that a client asked for.
pub struct Page {
    /// How many.
    pub first: usize,
    /// The key of the last row of the page before.
    pub after: Option<String>,
}

impl Page {
    /// Reads `first` and `after`; 50 when not given.
    ///
    /// # Errors
    /// `INVALID` when `first` is out of range or the cursor is not ours.
    pub fn read(context: &Context<'_>, first: Option<i32>, after: Option<String>) -> Result<Self> {
        let max = context.data_opt::<PageLimit>().map_or(200, |limit| limit.0);
        let first = match first {
            None => 50.min(max),
            Some(first) => usize::try_from(first)
                .ok()
                .filter(|first| (1..=max).contains(first))
                .ok_or_else(|| Error::invalid("first", format!("wants 1 to {max}")))?,
        };
        let wrong =
            || Error::invalid("after", "is not a cursor").remedy("use pageInfo.endCursor of the page before");
        let after = match after {
            None => None,
            Some(cursor) => {
                let bytes = URL_SAFE_NO_PAD.decode(cursor).ok().ok_or_else(wrong)?;
                let key = String::from_utf8(bytes).ok().filter(|key| !key.contains('\0'));
                Some(key.ok_or_else(wrong)?)
            }
        };
        Ok(Self { first, after })
    }

    /// How many rows to read: one more than shown tells whether there is a next page.
    pub fn limit(&self) -> u64 {
        self.first as u64 + 1
    }

    /// Makes the connection. `key` names a row's place in the order.
    pub fn connection<T, N: OutputType>(
        self,
        rows: Vec<T>,
        key: impl Fn(&T) -> String,
        convert: impl Fn(T) -> N,
    ) -> Connection<String, N, EmptyFields, EmptyFields> {
        self.connection_with(EmptyFields, rows, key, convert)
    }

    /// The same with fields of the connection's own.
    pub fn connection_with<T, N: OutputType, F: ObjectType>(
        self,
        fields: F,
        mut rows: Vec<T>,
        key: impl Fn(&T) -> String,
        convert: impl Fn(T) -> N,
    ) -> Connection<String, N, F, EmptyFields> {
        let more = rows.len() > self.first;
        rows.truncate(self.first);
        let mut connection = Connection::with_additional_fields(self.after.is_some(), more, fields);
        connection.edges.extend(rows.into_iter().map(|row| {
            let cursor = URL_SAFE_NO_PAD.encode(key(&row));
            Edge::new(cursor, convert(row))
        }));
        connection
    }
}
