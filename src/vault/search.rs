//! Search on encrypted fields: keyed digests of normalised values or of their parts, one a tenant, looked up in bulk. What the
//! index of parts names are candidates: each is opened and compared before it counts as found.

use std::collections::{BTreeMap, HashSet};

use envelope::{IndexContext, Needle, Part};
use serde_json::json;
use uuid::Uuid;

use super::index::{index_mark, part_kind};
use super::keyring::ActiveKey;
use super::model::Subject;
use super::schema::{Schema, index_kind, object};
use super::store_index::{self, PartColumn, PartDigest};
use super::{read, store};
use crate::access::{Action, Op, Scope};
use crate::audit::Event;
use crate::error::{Error, Result};
use crate::requirements::manifest::{Field, Search};
use crate::requirements::{self, Guarded};

/// Most people that one search returns: more than that is no longer a search for a person.
pub const MAX_MATCHES: usize = 100;
/// Longest value that is searched for, in bytes.
const MAX_VALUE: usize = 1000;
/// Most people whose value is opened and compared. A part that is worth searching for has as many candidates as people, and
/// some more by chance.
const MAX_CANDIDATES: usize = 500;
/// People with the rarest part of what is searched for: up to so many are counted, then up to the next. Beyond the last,
/// going through them takes longer than a search may.
const WITH_PART: [u64; 3] = [1000, 3000, 10_000];
/// Parts of what is searched for that are counted, and of these the rarest that are looked up together. Comparing does the rest.
const COUNTED: usize = 12;
const LOOKED_UP: usize = 4;
/// Candidates that are read at once.
const BLOCK: usize = store::ALTERNATIVES;

/// How a value is searched for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SearchMode {
    /// The whole value.
    #[default]
    Exact,
    /// A beginning of it.
    Prefix,
    /// A part of it.
    Substring,
}

impl SearchMode {
    fn as_str(self) -> &'static str {
        self.needs().as_str()
    }

    /// What a field's manifest must say at least.
    fn needs(self) -> Search {
        match self {
            SearchMode::Exact => Search::Exact,
            SearchMode::Prefix => Search::Prefix,
            SearchMode::Substring => Search::Substring,
        }
    }
}

/// What a search found.
pub struct Found {
    pub people: Vec<Subject>,
    /// Whether everybody was looked at. Not while index rows are made anew after a change of the manifest: then somebody who
    /// has the value may be missing.
    pub complete: bool,
}

impl Found {
    /// What to tell beside an incomplete answer.
    pub fn incomplete(&self) -> Option<Error> {
        if self.complete {
            return None;
        }
        Some(
            Error::incomplete("the index is still being made for some people: they may be missing")
                .remedy("search again when the job search.reindex is done"),
        )
    }
}

/// People with this value in a searchable field, in every tenant that the caller may see. Spellings that mean the same
/// (full-width letters, `+81`, spaces) find each other. The value itself is not recorded; who was found is.
///
/// # Errors
/// `INVALID` for a field that is not searchable in this way or a value that cannot be searched for, `LIMIT_EXCEEDED` beyond
/// [`MAX_MATCHES`] or when too many people have to be compared, and those of permission.
pub async fn search_subjects(
    op: &Op,
    system: &str,
    record_type: &str,
    field: &str,
    value: &str,
    mode: SearchMode,
) -> Result<Found> {
    // Who may search may see who is there; with that the rules of the system are read that decide on the search itself.
    let reader = op.permit(Action::Read, "subject").await?;
    // What the search will look with does not depend on what those rules say.
    let keys = op.app().keyring().live_page(&reader, None, store::ALTERNATIVES as u64);
    let (guarded, keys) = tokio::join!(requirements::guarded(&reader, Some(system)), keys);
    let Guarded { spec, rules, .. } = guarded?;
    let mut about = op.attributes(Some(&rules));
    about.set("record.type", record_type);
    about.set("search.mode", mode.as_str());
    if !op.actor().operator {
        // A search of a customer's people ends at their own tenant; one of the operator's goes through all.
        about.set("record.tenant", &*op.actor().tenant.to_string());
    }
    let scope = op.permit_in(&rules, Action::Search, &object(record_type, field), &about).await?;
    if op.purpose().is_none() {
        return Err(Error::invalid("purpose", "is missing").remedy("say why the data is needed"));
    }
    let schema = Schema::of(spec, system, record_type)?;
    let declared = searchable(&schema, field, mode)?;
    let told = value.trim();
    // Shorter ones, parts of names, are words of every sentence.
    if told.chars().count() >= 4 && op.purpose().is_some_and(|purpose| purpose.contains(told)) {
        return Err(Error::invalid("purpose", "must not hold the value that is searched for")
            .remedy("name the request or its number, not the person"));
    }
    if value.trim().is_empty() || value.len() > MAX_VALUE {
        return Err(Error::invalid("value", format!("wants 1 to {MAX_VALUE} bytes")));
    }
    let keys = keys?;
    let mark = index_mark(schema.record_type());
    let refusing = op.refused_at(&rules, Action::Search, &object(record_type, field), &about);
    let search = Searching { scope: &scope, schema: &schema, field: declared, mark, refusing };
    let (rows, stale, compared) = match mode {
        SearchMode::Exact => {
            let (rows, stale) = search.whole(keys, value).await?;
            (rows, stale, None)
        }
        SearchMode::Prefix | SearchMode::Substring => {
            // Before the search: whoever is brought up to date meanwhile is found, and the answer is only more careful than it
            // had to be.
            let stale = store_index::any_stale(&scope, system, record_type, mark).await?;
            let part = if mode == SearchMode::Prefix { Part::Prefix } else { Part::Substring };
            let (rows, compared) = search.parts(keys, value, part).await?;
            (rows, stale, Some(compared))
        }
    };
    record(&scope, record_type, field, mode, compared, &rows).await?;
    Ok(Found { people: rows.into_iter().map(Subject::from).collect(), complete: !stale })
}

fn searchable<'s>(schema: &'s Schema, field: &str, mode: SearchMode) -> Result<&'s Field> {
    let possible = |field: &Field| field.search().is_some_and(|search| search.includes(mode.needs()));
    schema.record_type().field(field).filter(|field| possible(field)).ok_or_else(|| {
        let how = match mode {
            SearchMode::Exact => "is not searchable",
            SearchMode::Prefix => "is not searchable by a beginning",
            SearchMode::Substring => "is not searchable by a part",
        };
        let names = schema.record_type().fields.iter().filter(|field| possible(field));
        let names: Vec<_> = names.map(|field| field.name.as_str()).collect();
        let remedy = if names.is_empty() {
            "no field is".into()
        } else {
            format!("searchable are: {}", names.join(", "))
        };
        Error::invalid("field", how).remedy(remedy)
    })
}

/// Some of the keys within the scope.
type Page = Vec<(Uuid, ActiveKey)>;

struct Searching<'a> {
    scope: &'a Scope,
    schema: &'a Schema,
    field: &'a Field,
    /// Of the statement by which index rows are made now.
    mark: i64,
    /// Tenants that let nobody of who asks search among their people.
    refusing: HashSet<Uuid>,
}

impl Searching<'_> {
    /// The keys of the tenants within the scope, a page. While a tenant's key is being replaced its people are under one or the
    /// other: both are looked for.
    async fn page(&self, after: Option<(Uuid, i32)>) -> Result<Page> {
        self.scope.op().app().keyring().live_page(self.scope, after, store::ALTERNATIVES as u64).await
    }

    /// The page after this one; none after the last.
    async fn next(&self, page: &Page) -> Result<Option<Page>> {
        match page.last() {
            Some((tenant, key)) if page.len() == store::ALTERNATIVES => {
                self.page(Some((*tenant, key.version))).await.map(Some)
            }
            _ => Ok(None),
        }
    }

    fn open_to_who_asks<'k>(
        &'k self,
        keys: &'k [(Uuid, ActiveKey)],
    ) -> impl Iterator<Item = &'k (Uuid, ActiveKey)> {
        keys.iter().filter(|(tenant, _)| !self.refusing.contains(tenant))
    }

    fn place(&self, tenant: Uuid) -> IndexContext<'_> {
        IndexContext { tenant: tenant.into_bytes(), record_type: self.schema.name(), field: &self.field.name }
    }

    /// People with the value, and whether somebody's index rows were still of another statement when it was looked for.
    async fn whole(&self, mut keys: Page, value: &str) -> Result<(Vec<entity::subject::Model>, bool)> {
        let kind = index_kind(self.field);
        let (mut found, mut stale) = (Vec::<entity::subject::Model>::new(), false);
        loop {
            let mut digests = Vec::with_capacity(keys.len());
            for (tenant, active) in self.open_to_who_asks(&keys) {
                let digest =
                    active.key.index_key(&self.place(*tenant), kind).and_then(|key| key.blind(value));
                digests.push((*tenant, digest.map_err(unfit)?));
            }
            let lookup = store::Lookup {
                system: &self.schema.system,
                record_type: self.schema.name(),
                field: &self.field.name,
                mark: self.mark,
                digests: &digests,
                limit: (MAX_MATCHES + 1 - found.len()) as u64,
            };
            if !digests.is_empty() || !stale {
                let (people, some_stale) = store::matches(self.scope, lookup).await?;
                found.extend(people);
                stale |= some_stale;
                // The two keys of a tenant may stand on two pages, and somebody move between them.
                found.sort_unstable_by_key(|person| (person.tenant_id, person.id));
                found.dedup_by_key(|person| (person.tenant_id, person.id));
            }
            // Those of other systems with such a record type count, too: the limit may have left people of this one out.
            if found.len() > MAX_MATCHES {
                return Err(too_many());
            }
            let Some(next) = self.next(&keys).await? else {
                found.retain(|person| person.system == self.schema.system);
                return Ok((found, stale));
            };
            keys = next;
        }
    }

    /// People whose value has the part, and how many were opened for it.
    async fn parts(
        &self,
        mut keys: Page,
        value: &str,
        part: Part,
    ) -> Result<(Vec<entity::subject::Model>, usize)> {
        let needle = Needle::new(index_kind(self.field), part, value).map_err(unfit)?;
        let stored = part_kind(self.schema.record_type(), &self.field.name)
            .ok_or_else(|| anyhow::anyhow!("a field that is searchable by parts has none"))?;
        let (mut found, mut compared) = (Vec::new(), 0);
        loop {
            let mut wanted = Vec::with_capacity(keys.len());
            for (tenant, active) in self.open_to_who_asks(&keys) {
                let key = active.key.part_key(&self.place(*tenant), index_kind(self.field), stored);
                let mut digests = key.and_then(|key| key.look_up(&needle)).map_err(unfit)?;
                digests.truncate(COUNTED);
                wanted.push(((*tenant, active.version), digests));
            }
            let candidates = self.candidates(wanted, MAX_CANDIDATES - compared).await?;
            for block in candidates.chunks(BLOCK) {
                compared += block.len();
                let rows = store::subjects_by_ids(self.scope, &self.schema.system, block).await?;
                self.compare(rows, &needle, &mut found).await?;
                if found.len() > MAX_MATCHES {
                    return Err(too_many());
                }
            }
            if compared > MAX_CANDIDATES {
                return Err(too_common());
            }
            let Some(next) = self.next(&keys).await? else { return Ok((found, compared)) };
            keys = next;
        }
    }

    /// Who has all the digests of their tenant: one more than `most` when there are more.
    async fn candidates(
        &self,
        wanted: Vec<((Uuid, i32), Vec<PartDigest>)>,
        most: usize,
    ) -> Result<Vec<(Uuid, Uuid)>> {
        let column = PartColumn { record_type: self.schema.name(), field: &self.field.name };
        let flat: Vec<((Uuid, i32), PartDigest)> = wanted
            .iter()
            .flat_map(|(place, digests)| digests.iter().map(move |digest| (*place, *digest)))
            .collect();
        let Some(rarest_first) = self.rarest_first(column, &flat).await? else { return Err(too_common()) };
        if rarest_first.is_empty() {
            return Ok(Vec::new());
        }
        let limit = most as u64 + 1;
        let mut people = store_index::with_all_parts(self.scope, column, &rarest_first, limit).await?;
        people.truncate(most + 1);
        Ok(people)
    }

    /// The rarest digests of each tenant in which every digest is somebody's; `None` when even the rarest is too many people's.
    async fn rarest_first(
        &self,
        column: PartColumn<'_>,
        digests: &[((Uuid, i32), PartDigest)],
    ) -> Result<Option<Vec<(Uuid, Vec<PartDigest>)>>> {
        let by_tenant_alone: Vec<(Uuid, PartDigest)> =
            digests.iter().map(|((tenant, _), digest)| (*tenant, *digest)).collect();
        for most in WITH_PART {
            let mut counts = Vec::with_capacity(digests.len());
            for some in by_tenant_alone.chunks(store_index::ARMS) {
                counts.extend(store_index::count_parts(self.scope, column, some, most).await?);
            }
            let mut by_tenant = BTreeMap::<(Uuid, i32), Vec<(u64, PartDigest)>>::new();
            for ((place, digest), people) in digests.iter().zip(counts) {
                by_tenant.entry(*place).or_default().push((people, *digest));
            }
            for digests in by_tenant.values_mut() {
                digests.sort_unstable();
            }
            let rarest = |digests: &[(u64, PartDigest)]| digests.first().map_or(0, |(people, _)| *people);
            if by_tenant.values().all(|digests| rarest(digests) < most) {
                by_tenant.retain(|_, digests| rarest(digests) > 0);
                let some = |digests: Vec<(u64, PartDigest)>| {
                    digests.into_iter().take(LOOKED_UP).map(|(_, digest)| digest).collect()
                };
                return Ok(Some(
                    by_tenant.into_iter().map(|((tenant, _), digests)| (tenant, some(digests))).collect(),
                ));
            }
        }
        Ok(None)
    }

    /// Keeps those whose opened value has the part. A record that does not open is nobody's to find.
    async fn compare(
        &self,
        rows: Vec<entity::subject::Model>,
        needle: &Needle,
        found: &mut Vec<entity::subject::Model>,
    ) -> Result<()> {
        for row in rows {
            let subject = Subject::from(row.clone());
            let values = read::open_for_index(self.scope, &subject, &[&self.field.name]).await?;
            let value = values.and_then(|values| values.into_iter().next().flatten());
            if value.is_some_and(|value| needle.is_in(value.expose())) {
                found.push(row);
            }
        }
        Ok(())
    }
}

fn unfit(error: envelope::Error) -> Error {
    Error::invalid("value", error.to_string())
}

fn too_many() -> Error {
    Error::limit(format!("more than {MAX_MATCHES} people match"))
        .remedy("search for something more particular")
}

fn too_common() -> Error {
    Error::limit("too many people may match: each of their values would have to be opened")
        .remedy("search for something more particular")
}

/// That somebody is found tells their value to whoever searched, or a part of it: an entry names them, and says so where it was a
/// part. Of a search by parts it is recorded, too, how many values were opened to compare them.
async fn record(
    scope: &Scope,
    record_type: &str,
    field: &str,
    mode: SearchMode,
    compared: Option<usize>,
    rows: &[entity::subject::Model],
) -> Result<()> {
    let object = object(record_type, field);
    let detail = match compared {
        None => json!({ "matches": rows.len() }),
        Some(compared) => json!({ "matches": rows.len(), "mode": mode.as_str(), "compared": compared }),
    };
    let event = Event::new("subject.search", object.as_str()).fields([field]).detail(detail);
    let mut by_tenant = BTreeMap::from([(scope.tenant(), vec![event])]);
    let mut found = BTreeMap::<Uuid, Vec<Uuid>>::new();
    for row in rows {
        found.entry(row.tenant_id).or_default().push(row.id);
    }
    for (tenant, people) in found {
        let event = Event::about_people("subject.found", record_type, people).fields([field]);
        let event = match compared {
            None => event,
            Some(_) => event.detail(json!({ "mode": mode.as_str() })),
        };
        by_tenant.entry(tenant).or_default().push(event);
    }
    scope.record_each(by_tenant).await
}
