//! What a scan is told of the forms of logs.

use std::sync::Arc;

use super::Scan;
use crate::formats::cloudfront::Columns;
use crate::formats::{Known, Mapping, Template};
use crate::query::QueryError;

impl Scan {
    /// What is neither of the other forms is read as a cache's log of this one.
    #[must_use]
    pub fn with_template(mut self, template: Template) -> Self {
        self.forms.template = Some(template);
        self
    }

    /// Names of the fields, in their order, of a CloudFront log that has no names itself: those that were chosen for a real-time log,
    /// or for a standard log of version 2 in plain or raw form. Between them spaces or commas.
    ///
    /// # Errors
    /// [`QueryError::Fields`] when a time or the path is not among them.
    pub fn with_fields(mut self, list: &str) -> Result<Self, QueryError> {
        if list.len() > 4096 || !Columns::parse(list.as_bytes()).is_complete() {
            return Err(QueryError::Fields);
        }
        self.forms.fields = Some(list.to_owned());
        Ok(self)
    }

    /// Names of JSON Lines of a cache; they count before those that are built in.
    #[must_use]
    pub fn with_json(mut self, mapping: Mapping) -> Self {
        self.forms.json = Some(mapping);
        self
    }

    /// Where the clocks stood that wrote times without an offset, in seconds east of UTC. Without it such lines are bad: a wrong
    /// offset would move them out of the window.
    #[must_use]
    pub fn with_utc_offset(mut self, seconds: i32) -> Self {
        self.forms.offset = Some(i64::from(seconds) * 1_000);
        self
    }

    /// The people behind the pseudonyms of a guard's log.
    #[must_use]
    pub fn with_people(mut self, people: impl IntoIterator<Item = (String, Known)>) -> Self {
        self.forms.names.people = Arc::new(people.into_iter().collect());
        self
    }

    /// The patterns of a guard's routes, by the names that its log gives them. A route that is not among them may be any personal one.
    #[must_use]
    pub fn with_routes(mut self, routes: impl IntoIterator<Item = (String, String)>) -> Self {
        self.forms.names.routes = Arc::new(routes.into_iter().collect());
        self
    }
}
