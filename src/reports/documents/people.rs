//! Numbers of people, and what of them was concerned: by the affected list and the system's manifest. Pure; no builder reads a person.

use document::{Rich, Value};

use super::writer::Writer;
use crate::incidents::Revision;
use crate::reports::model::List;

impl Writer<'_> {
    /// The list that holds: the approved one, or the newest.
    pub fn list(&self) -> Option<(&Revision, &List)> {
        let revision = self.material.list()?;
        let told = self.material.base.lists.iter().zip(&self.report.scope.lists);
        told.map(|((list, _), told)| (list, told)).find(|(list, _)| list.id == revision.id)
    }

    /// What one tenant is called: `学校`, `school`.
    pub fn tenant_word(&self) -> &str {
        match self.material.base.system.as_deref() {
            Some(system) => self.say(&system.tenants_kind.en, &system.tenants_kind.ja),
            None => self.say("organisation", "組織"),
        }
    }

    /// What is missing for a number of people.
    pub fn without_list(&self) -> Value {
        self.unknown("make the affected list from the logs", "ログから対象者リストを作成すれば確定")
    }

    /// How many people, of which kinds, by which list.
    pub fn persons(&self) -> Value {
        let Some((_, list)) = self.list() else { return self.without_list() };
        let tenants = self.tenant_word();
        let mut text = self.pick(format!("{} persons", list.persons), format!("{}名", list.persons));
        for kind in &list.kinds {
            text.push_str(&self.pick(
                format!("\n{}: {} ({tenants}: {})", kind.name, kind.persons, kind.tenants),
                format!("\n{}：{}名（{tenants}数：{}）", kind.name, kind.persons, kind.tenants),
            ));
        }
        text.push('\n');
        text.push_str(&self.pick(
            format!(
                "By revision {} of the affected list ({}), made {}",
                list.number, list.state, list.method
            ),
            format!("対象者リスト第{}版（{}）による。方法：{}", list.number, list.state, list.method),
        ));
        if list.several_tenants > 0 {
            text.push_str(&self.pick(
                format!(
                    "\n{} of them belong to several ({tenants}) and are counted once",
                    list.several_tenants
                ),
                format!("\nうち{}名は複数の{tenants}に属し、1名として数えた", list.several_tenants),
            ));
        }
        let mut rich = Rich::new().text(text);
        if list.indeterminate > 0 {
            let more = list.indeterminate;
            rich = rich.text("\n").unknown(self.pick(
                format!("{more} more of whom the logs cannot tell, at most {} in all", list.persons + more),
                format!("このほか{more}名はログから判断できず、最大で計{}名", list.persons + more),
            ));
        }
        if !list.approved {
            rich = rich.text("\n").unknown(self.say(
                "the list is not approved yet, its number may change",
                "リストは承認前であり、人数は変わり得る",
            ));
        }
        rich.into()
    }

    /// How many people, in a line: of which kinds, by which list.
    pub fn persons_in_short(&self) -> Value {
        let Some((_, list)) = self.list() else { return self.without_list() };
        let kinds = list.kinds.iter().map(|kind| {
            self.pick(format!("{} {}", kind.name, kind.persons), format!("{}{}名", kind.name, kind.persons))
        });
        let kinds = kinds.collect::<Vec<_>>().join(self.say(", ", "、"));
        let tenants = self.tenant_word();
        let mut rich = Rich::new()
            .strong(self.pick(format!("{} persons", list.persons), format!("{}名", list.persons)))
            .text(self.pick(
                format!(" ({kinds}; {tenants}: {})", list.tenants),
                format!("（{kinds}、{tenants}数{}）", list.tenants),
            ));
        if list.indeterminate > 0 {
            rich = rich.text(" ").unknown(self.pick(
                format!("{} more of whom the logs cannot tell", list.indeterminate),
                format!("このほか{}名はログから判断できない", list.indeterminate),
            ));
        }
        if !list.approved {
            rich = rich.text(" ").unknown(self.say(
                "the list is not approved yet, its number may change",
                "リストは承認前であり、人数は変わり得る",
            ));
        }
        rich.into()
    }

    /// Which items of data, by kind of person: those on the pages of the list's question, else all that the manifest has.
    pub fn data_items(&self) -> Value {
        let kinds = self
            .list()
            .map(|(revision, _)| revision.counts.by_kind.iter().map(|count| count.kind.as_str()).collect())
            .unwrap_or_default();
        self.data_items_of(kinds)
    }

    /// The same of these kinds; of all where there is none.
    pub fn data_items_of(&self, kinds: Vec<&str>) -> Value {
        let Some(system) = self.material.base.system.as_deref() else {
            return self
                .unknown("apply the manifest of the system", "対象システムのマニフェストを適用すれば確定");
        };
        let list = self.list();
        let shown: Option<Vec<&str>> = list.and_then(|(revision, _)| {
            let shown = revision.inputs.shown.as_ref()?;
            let fields: Vec<&str> =
                shown.routes.iter().flat_map(|route| &route.fields).map(String::as_str).collect();
            (!fields.is_empty()).then_some(fields)
        });
        let (mut lines, mut open) = (Vec::new(), Vec::new());
        for record_type in &system.record_types {
            if !kinds.is_empty() && !kinds.contains(&record_type.name.as_str()) {
                continue;
            }
            let is_shown = |field: &str| {
                let named = |name: &&str| name.split_once('.') == Some((record_type.name.as_str(), field));
                shown.as_ref().is_none_or(|shown| shown.iter().any(named))
            };
            let fields = record_type.fields.iter().filter(|field| is_shown(&field.name));
            let names: Vec<&str> = fields.map(|field| self.say(&field.title.en, &field.title.ja)).collect();
            let title = self.say(&record_type.title.en, &record_type.title.ja);
            match names.is_empty() {
                true => open.push(title),
                false => lines.push(self.labelled(title, &names.join(self.say(", ", "、")))),
            }
        }
        if lines.is_empty() {
            return self.unknown(
                "the manifest declares no field of the people on the list",
                "対象者の種別の項目がマニフェストに定義されていない",
            );
        }
        lines.push(
            match shown {
                Some(_) => self.say(
                    "What the pages concerned show, by the system's manifest",
                    "対象ページに表示される項目（システムのマニフェストによる）",
                ),
                None => self.say(
                    "All that the system keeps of these people, by its manifest: at most these",
                    "システムが保有する全項目（マニフェストによる）。閲覧等され得た範囲の上限",
                ),
            }
            .to_owned(),
        );
        let mut rich = Rich::new().text(lines.join("\n"));
        if !open.is_empty() {
            let open = open.join(self.say(", ", "、"));
            rich = rich.text("\n").unknown(self.pick(
                format!("{open}: on the list, but the pages that it was made of show none of their items"),
                format!("{open}：リストに含まれるが、リストの対象ページにはその項目がない"),
            ));
        }
        rich.into()
    }
}
