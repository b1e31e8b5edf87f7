//! A read copy in the form in which a service keeps it: ids, titles, levels and what binds. Explanations, notes and what a level
//! means stay in the file, because nothing that is computed here needs them. Our labels are not kept: they are put back when a
//! kept copy is read, so that a kept copy gets those of the newer version.

use serde::{Deserialize, Serialize};

use crate::import::{group_label, item_label};
use crate::model::{Catalogue, Group, Item, ItemText, Obligation, Origin};
use crate::reference::Scheme;
use crate::shipped::alias_pairs;

/// Number of the form.
const FORM: u32 = 1;
/// Items and groups of a kept copy: the largest catalogue has 345 and 159.
const MAX_ITEMS: usize = 2_000;
/// Characters of a title; what is beyond is cut. ASVS's longest has 800.
const MAX_TITLE: usize = 2_000;
/// Characters of an id.
const MAX_ID: usize = 64;
/// Bytes of a kept copy.
const MAX_BYTES: usize = 4 << 20;

/// Why a copy cannot be kept, or what was kept cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeepError {
    /// More than any catalogue that is known.
    #[error("it has more than {MAX_ITEMS} items or groups, or more than {MAX_BYTES} bytes of titles")]
    TooLarge,
    /// What was kept is not what this version writes.
    #[error("it is not of the form that this version keeps")]
    Form,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptCatalogue {
    form: u32,
    catalogue: String,
    version: String,
    groups: Vec<KeptGroup>,
    items: Vec<KeptItem>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptGroup {
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent: Option<usize>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptItem {
    id: String,
    group: usize,
    title: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    important: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    must: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    level: Option<u8>,
    #[serde(default, skip_serializing_if = "is_none")]
    models: [Option<u8>; 3],
}

fn is_none(models: &[Option<u8>; 3]) -> bool {
    models.iter().all(Option::is_none)
}

impl Catalogue {
    /// What is kept of this catalogue, as JSON. The same catalogue gives the same bytes.
    ///
    /// # Errors
    /// [`KeepError::TooLarge`] for more than 2,000 items or groups, or 4 MiB. Titles are cut to 2,000 characters.
    pub fn keep(&self) -> Result<String, KeepError> {
        let cut = |text: &str| text.chars().take(MAX_TITLE).collect::<String>();
        let too_long = |id: &str| id.chars().count() > MAX_ID;
        if self.items().len() > MAX_ITEMS
            || self.groups().len() > MAX_ITEMS
            || self.items().iter().any(|item| too_long(&item.id))
            || self.groups().iter().any(|group| too_long(&group.id))
        {
            return Err(KeepError::TooLarge);
        }
        let groups = self.groups().iter().map(|group| {
            let Group { id, label: _, name, parent } = group;
            KeptGroup { id: id.clone(), title: name.as_deref().map(cut), parent: *parent }
        });
        let items = self.items().iter().map(|item| {
            let Item { id, label: _, important, group, obligation, level, text } = item;
            KeptItem {
                id: id.clone(),
                group: *group,
                title: text.as_ref().map(|text| cut(&text.name)).unwrap_or_default(),
                important: *important,
                must: obligation.map(|obligation| obligation == Obligation::Must),
                level: *level,
                models: text.as_ref().map(|text| text.models).unwrap_or_default(),
            }
        });
        let kept = KeptCatalogue {
            form: FORM,
            catalogue: self.scheme().as_str().to_owned(),
            version: self.version().to_owned(),
            groups: groups.collect(),
            items: items.collect(),
        };
        let text = serde_json::to_string(&kept).map_err(|_| KeepError::Form)?;
        if text.len() > MAX_BYTES { Err(KeepError::TooLarge) } else { Ok(text) }
    }

    /// Reads what [`Self::keep`] wrote, with our labels where the ids are known.
    ///
    /// # Errors
    /// [`KeepError::TooLarge`], and [`KeepError::Form`] for anything that was not written so: another form, an unknown
    /// catalogue, an item without its group, a level that there is not, an id that stands twice.
    pub fn kept(text: &str) -> Result<Self, KeepError> {
        if text.len() > MAX_BYTES {
            return Err(KeepError::TooLarge);
        }
        let kept: KeptCatalogue = serde_json::from_str(text).map_err(|_| KeepError::Form)?;
        let KeptCatalogue { form, catalogue, version, groups, items } = kept;
        let scheme = Scheme::named(&catalogue).filter(|_| form == FORM).ok_or(KeepError::Form)?;
        if items.len() > MAX_ITEMS || groups.len() > MAX_ITEMS {
            return Err(KeepError::TooLarge);
        }
        let sound = |at: usize, group: &KeptGroup| group.parent.is_none_or(|parent| parent < at);
        if !groups.iter().enumerate().all(|(at, group)| sound(at, group)) {
            return Err(KeepError::Form);
        }
        // Of two groups with one number, the label is that of the one that holds the same items.
        let mut first_items: Vec<Option<&str>> = vec![None; groups.len()];
        let mut seen = std::collections::HashSet::new();
        for item in &items {
            let level = |level: &Option<u8>| level.is_none_or(|level| level <= 5);
            let is_new = seen.insert(item.id.as_str());
            if item.group >= groups.len() || !is_new || !item.models.iter().chain([&item.level]).all(level) {
                return Err(KeepError::Form);
            }
            let mut at = Some(item.group);
            while let Some((place, group)) =
                at.and_then(|at| Some((first_items.get_mut(at)?, groups.get(at)?)))
            {
                place.get_or_insert(&item.id);
                at = group.parent;
            }
        }
        let labels: Vec<_> = groups
            .iter()
            .zip(&first_items)
            .map(|(group, item)| group_label(scheme, &group.id, item.unwrap_or_default()))
            .collect();
        let groups = groups.into_iter().zip(labels).map(|(group, label)| {
            let KeptGroup { id, title, parent } = group;
            Group { id, label, name: title, parent }
        });
        let items = items.into_iter().map(|item| {
            let KeptItem { id, group, title, important, must, level, models } = item;
            Item {
                label: item_label(scheme, &id),
                id,
                important,
                group,
                obligation: must.map(|must| if must { Obligation::Must } else { Obligation::Should }),
                level,
                text: Some(ItemText { name: title, models, ..ItemText::default() }),
            }
        });
        let (groups, items) = (groups.collect(), items.collect());
        Ok(Self::new((scheme, &version), Origin::Imported, groups, items, &alias_pairs(scheme)))
    }
}
