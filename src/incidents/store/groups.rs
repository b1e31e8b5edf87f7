//! Findings that are counted together.

use std::collections::HashMap;

use entity::finding::{self, Column};
use sea_orm::sea_query::{
    Alias, Condition, Expr, ExprTrait, Func, Order, OverStatement, Query, SimpleExpr, WindowStatement,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect,
    StatementBuilder,
};

use crate::access::Scope;
use crate::clock::from_micros;
use crate::error::Result;
use crate::incidents::model::{FindingGroup, FindingsFilter, GroupKey};

/// Routes that are named of each group.
const ROUTES: i64 = 5;
/// Grades, the worst first; another one comes after them.
const GRADES: [&str; 3] = ["leak", "weakness", "note"];

/// Those of the findings that are asked for.
pub fn asked_for(filter: &FindingsFilter) -> Condition {
    let FindingsFilter { open_only, system, grade, kind } = filter;
    Condition::all()
        .add_option(open_only.then(|| Column::IncidentId.is_null()))
        .add_option(system.as_ref().map(|system| Column::System.eq(system)))
        .add_option(grade.as_ref().map(|grade| Column::Grade.eq(grade)))
        .add_option(kind.as_ref().map(|kind| Column::Kind.eq(kind)))
}

#[derive(FromQueryResult)]
struct Counted {
    grade: String,
    system: String,
    kind: String,
    requirement: Option<String>,
    times: i64,
    taken: i64,
    first_at: i64,
    last_at: i64,
    routes: i64,
}

impl Counted {
    fn key(&self) -> GroupKey {
        GroupKey {
            grade: self.grade.clone(),
            system: self.system.clone(),
            kind: self.kind.clone(),
            requirement: self.requirement.clone(),
        }
    }
}

/// By grade, system, kind and requirement; two queries, however many groups there are.
pub async fn finding_groups(
    scope: &Scope,
    filter: &FindingsFilter,
    after: Option<&GroupKey>,
    limit: u64,
) -> Result<Vec<FindingGroup>> {
    let counted = finding::Entity::find()
        .select_only()
        .columns([Column::Grade, Column::System, Column::Kind, Column::Requirement])
        .column_as(Column::Id.count(), "times")
        .column_as(Column::IncidentId.count(), "taken")
        .column_as(Column::OccurredAt.min(), "first_at")
        .column_as(Column::OccurredAt.max(), "last_at")
        .column_as(Expr::col(Column::Route).count_distinct(), "routes")
        .filter(scope.rows(Column::TenantId))
        .filter(Column::Kind.is_not_null())
        .filter(Column::Grade.is_not_null())
        .filter(asked_for(filter))
        .filter(after.map(later).unwrap_or_else(Condition::all))
        .group_by(Column::Grade)
        .group_by(Column::System)
        .group_by(Column::Kind)
        .group_by(Column::Requirement)
        .order_by(rank(), Order::Asc)
        .order_by_asc(Column::Grade)
        .order_by_asc(Column::System)
        .order_by_asc(Column::Kind)
        .order_by(requirement(), Order::Asc)
        .limit(limit)
        .into_model::<Counted>()
        .all(scope.connection())
        .await?;
    let mut routes = first_routes(scope, filter, &counted).await?;
    let count = |number: i64| u64::try_from(number).unwrap_or_default();
    let group = |one: Counted| {
        let key = one.key();
        FindingGroup {
            routes: routes.remove(&place(&key)).unwrap_or_default(),
            key,
            count: count(one.times),
            open: count(one.times - one.taken),
            first_seen_at: from_micros(one.first_at),
            last_seen_at: from_micros(one.last_at),
            route_count: count(one.routes),
        }
    };
    Ok(counted.into_iter().map(group).collect())
}

#[derive(FromQueryResult)]
struct Routed {
    grade: String,
    system: String,
    kind: String,
    requirement: Option<String>,
    route: String,
}

type Place = (String, String, String, Option<String>);

fn place(key: &GroupKey) -> Place {
    let GroupKey { grade, system, kind, requirement } = key.clone();
    (grade, system, kind, requirement)
}

/// The routes of these groups that were seen first, a few of each.
async fn first_routes(
    scope: &Scope,
    filter: &FindingsFilter,
    groups: &[Counted],
) -> Result<HashMap<Place, Vec<String>>> {
    if groups.is_empty() {
        return Ok(HashMap::new());
    }
    const KEY: [Column; 4] = [Column::Grade, Column::System, Column::Kind, Column::Requirement];
    let (first_at, number) = (Alias::new("first_at"), Alias::new("number"));
    let (seen, numbered) = (Alias::new("seen"), Alias::new("numbered"));
    let each = Query::select()
        .columns(KEY)
        .column(Column::Route)
        .expr_as(Expr::col(Column::OccurredAt).min(), first_at.clone())
        .from(finding::Entity)
        .cond_where(scope.rows(Column::TenantId))
        .cond_where(asked_for(filter))
        .and_where(Column::Route.is_not_null())
        .cond_where(groups.iter().fold(Condition::any(), |any, group| any.add(same(&group.key()))))
        .group_by_columns(KEY)
        .group_by_col(Column::Route)
        .to_owned();
    let window = WindowStatement::new()
        .partition_by_columns(KEY)
        .order_by(first_at, Order::Asc)
        .order_by(Column::Route, Order::Asc)
        .to_owned();
    let in_order = Query::select()
        .columns(KEY)
        .column(Column::Route)
        .expr_window_as(Func::cust(Alias::new("ROW_NUMBER")), window, number.clone())
        .from_subquery(each, seen)
        .to_owned();
    let first = Query::select()
        .columns(KEY)
        .column(Column::Route)
        .from_subquery(in_order, numbered)
        .and_where(Expr::col(number.clone()).lte(ROUTES))
        .order_by(number, Order::Asc)
        .to_owned();
    let statement = StatementBuilder::build(&first, &scope.connection().get_database_backend());
    let mut routes = HashMap::<Place, Vec<String>>::new();
    for Routed { grade, system, kind, requirement, route } in
        Routed::find_by_statement(statement).all(scope.connection()).await?
    {
        routes.entry((grade, system, kind, requirement)).or_default().push(route);
    }
    Ok(routes)
}

fn same(key: &GroupKey) -> Condition {
    let GroupKey { grade, system, kind, requirement } = key;
    Condition::all()
        .add(Column::Grade.eq(grade))
        .add(Column::System.eq(system))
        .add(Column::Kind.eq(kind))
        .add(match requirement {
            Some(requirement) => Column::Requirement.eq(requirement),
            None => Column::Requirement.is_null(),
        })
}

/// What stands after this one in the order of the list.
fn later(key: &GroupKey) -> Condition {
    let GroupKey { grade, system, kind, requirement: of } = key;
    let own = GRADES.iter().position(|known| known == grade).unwrap_or(GRADES.len()) as i64;
    let after = |expr: SimpleExpr, value: SimpleExpr, then: Condition| {
        Condition::any()
            .add(expr.clone().gt(value.clone()))
            .add(Condition::all().add(expr.eq(value)).add(then))
    };
    let col = |column: Column| Expr::col(column);
    let text = |text: &str| Expr::val(text.to_owned());
    let last = Condition::all().add(requirement().gt(text(of.as_deref().unwrap_or_default())));
    let last = after(col(Column::Kind), text(kind), last);
    let last = after(col(Column::System), text(system), last);
    let last = after(col(Column::Grade), text(grade), last);
    after(rank(), Expr::val(own), last)
}

fn rank() -> SimpleExpr {
    let grades = GRADES.iter().zip(0_i64..);
    let case = grades.fold(Expr::case(Expr::val(false), 0_i64), |case, (grade, rank)| {
        case.case(Expr::col(Column::Grade).eq(*grade), rank)
    });
    case.finally(GRADES.len() as i64).into()
}

/// None comes first.
fn requirement() -> SimpleExpr {
    Func::coalesce([Expr::col(Column::Requirement), Expr::val("")]).into()
}
