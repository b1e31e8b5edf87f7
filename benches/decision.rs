//! One decision of the policy, with 110,000 rules in total, at 10, 1,000 and 10,000 tenants.
//!
//! Every tenant has rules of its own (as many as make 110,000 together with all others), so none share an enforcer. `engine`
//! asks casbin each time; `remembered` is what a request pays when the same was asked before under the same conditions;
//! `one_enforcer_for_all` is the way not taken: a single enforcer that holds every tenant's rules.

use std::sync::LazyLock;

use casbin::prelude::{CoreApi, DefaultModel, Enforcer, MgmtApi};
use casbin::{MemoryAdapter, RbacApi};
use divan::{Bencher, black_box};
use suimon::access::{Attributes, Effect, Origin, Policies, Policy, Question, Role, Rule};
use uuid::Uuid;

fn main() {
    divan::main();
}

static RUNTIME: LazyLock<tokio::runtime::Runtime> =
    LazyLock::new(|| tokio::runtime::Runtime::new().expect("a runtime"));

const TENANTS: [usize; 3] = [10, 1000, 10_000];
const RULES: usize = 110_000;
const MEMBERS: u128 = 5;

fn members(tenant: usize) -> Vec<(Uuid, Role)> {
    (0..MEMBERS)
        .map(|member| {
            let role = if member == 0 { Role::TenantAdmin } else { Role::TenantStaff };
            (Uuid::from_u128(tenant as u128 * 100 + member + 1), role)
        })
        .collect()
}

/// A tenant's own rules: tighter ones for single fields of record types, spread over many, as real ones are.
fn own(tenant: usize, rules: usize) -> Vec<Rule> {
    (0..rules)
        .map(|rule| Rule {
            origin: Origin::Override,
            role: "tenant_staff".into(),
            object: format!("{}.field_{tenant}_{rule}", if rule % 4 == 0 { "data.applicant" } else { "app" })
                .into(),
            action: "read_masked".into(),
            effect: Effect::Deny,
            when: Vec::new(),
        })
        .collect()
}

/// 20 rules of its own at most for the question's family: more rules a tenant (11,000 at ten tenants) lie in other families,
/// as rules of other systems would.
fn policies(tenants: usize) -> Vec<Policy> {
    let shared = Policies::default();
    (0..tenants)
        .map(|tenant| {
            let mut rules = own(tenant, RULES / tenants);
            for (index, rule) in rules.iter_mut().enumerate().skip(20) {
                rule.object = format!("system{}.field_{index}", index / 20).into();
            }
            shared.policy(1, &members(tenant), rules)
        })
        .collect()
}

/// Visits the tenants in an order that no cache of the processor can foresee.
fn stride(step: &mut usize, tenants: usize) -> usize {
    *step = (*step + 7919) % tenants;
    *step
}

fn question(attributes: &Attributes) -> Question<'_> {
    Question { action: "read_masked", object: "data.applicant.email", system: None, attributes }
}

#[divan::bench(args = TENANTS, sample_count = 50)]
fn engine(bencher: Bencher, tenants: usize) {
    let (policies, attributes) = (policies(tenants), Attributes::new());
    for policy in &policies {
        assert!(policy.decide("tenant_staff", question(&attributes)), "allowed, and its enforcer built");
    }
    let mut step = 0;
    bencher.bench_local(|| {
        let tenant = stride(&mut step, tenants);
        black_box(policies[tenant].decide("tenant_staff", question(&attributes)))
    });
}

#[divan::bench(args = TENANTS)]
fn remembered(bencher: Bencher, tenants: usize) {
    let (policies, attributes) = (policies(tenants), Attributes::new());
    for policy in &policies {
        assert!(policy.allows("tenant_staff", question(&attributes)));
    }
    let mut step = 0;
    bencher.bench_local(|| {
        let tenant = stride(&mut step, tenants);
        let account = Uuid::from_u128(tenant as u128 * 100 + 2);
        let policy = &policies[tenant];
        black_box(policy.allows(policy.roles_of(account), question(&attributes)))
    });
}

const PLAIN_MODEL: &str = "[request_definition]\nr = sub, dom, obj, act\n[policy_definition]\np = sub, dom, obj, act, eft\n\
    [role_definition]\ng = _, _, _\n[policy_effect]\ne = some(where (p.eft == allow)) && !some(where (p.eft == deny))\n\
    [matchers]\nm = g(r.sub, p.sub, r.dom) && r.dom == p.dom && keyMatch(r.obj, p.obj) && keyMatch(r.act, p.act)";

#[divan::bench(sample_count = 5, sample_size = 1)]
fn one_enforcer_for_all(bencher: Bencher) {
    let tenants = 1000;
    let enforcer = RUNTIME.block_on(async {
        let model = DefaultModel::from_str(PLAIN_MODEL).await.expect("a model");
        let mut enforcer = Enforcer::new(model, MemoryAdapter::default()).await.expect("an enforcer");
        for tenant in 0..tenants {
            let domain = tenant.to_string();
            let mut rows: Vec<Vec<String>> = own(tenant, RULES / tenants)
                .iter()
                .map(|rule| {
                    [&*rule.role, &domain, &rule.object, &rule.action, "deny"].map(str::to_owned).to_vec()
                })
                .collect();
            let allow = ["tenant_staff", &domain, "data.*", "read_masked", "allow"];
            rows.push(allow.map(str::to_owned).to_vec());
            enforcer.add_policies(rows).await.expect("rules");
            for (account, role) in members(tenant) {
                let account = account.to_string();
                let added = enforcer.add_role_for_user(&account, role.as_str(), Some(&domain)).await;
                added.expect("a membership");
            }
        }
        enforcer
    });
    let account = Uuid::from_u128(102).to_string();
    bencher.bench_local(|| {
        black_box(enforcer.enforce((account.as_str(), "1", "data.applicant.email", "read_masked")))
            .expect("a decision")
    });
}

/// What the first question about a family costs.
#[divan::bench]
fn first_question_of_a_tenant(bencher: Bencher) {
    let attributes = Attributes::new();
    bencher
        .with_inputs(|| Policies::default().policy(1, &members(1), own(1, 11)))
        .bench_values(|policy| black_box(policy.allows("tenant_staff", question(&attributes))));
}
