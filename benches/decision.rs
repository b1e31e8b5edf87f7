//! One casbin decision at 10 and at 10,000 tenants: one small enforcer a tenant keeps the cost flat.
//!
//! `engine` asks casbin each time; `remembered` is what a request pays (the decision cache of the enforcer);
//! `one_enforcer_for_all` is the way not taken: a single enforcer that knows every tenant's members.

use std::sync::LazyLock;

use divan::{Bencher, black_box};
use suimon::access::{Action, Policy, Role};
use uuid::Uuid;

fn main() {
    divan::main();
}

static RUNTIME: LazyLock<tokio::runtime::Runtime> =
    LazyLock::new(|| tokio::runtime::Runtime::new().expect("a runtime"));

const TENANTS: [usize; 3] = [10, 1000, 10_000];
const MEMBERS: u128 = 5;

fn members(tenant: usize) -> Vec<(Uuid, Role)> {
    (0..MEMBERS)
        .map(|member| {
            let role = if member == 0 { Role::TenantAdmin } else { Role::TenantStaff };
            (Uuid::from_u128(tenant as u128 * 100 + member + 1), role)
        })
        .collect()
}

fn policies(tenants: usize) -> Vec<Policy> {
    RUNTIME.block_on(async {
        let mut policies = Vec::with_capacity(tenants);
        for tenant in 0..tenants {
            let id = Uuid::from_u128(1_000_000 + tenant as u128);
            policies.push(Policy::build(id, 1, &members(tenant)).await.expect("a policy"));
        }
        policies
    })
}

/// Visits the tenants in an order that no cache of the processor can foresee.
fn stride(step: &mut usize, tenants: usize) -> usize {
    *step = (*step + 7919) % tenants;
    *step
}

#[divan::bench(args = TENANTS, sample_count = 50)]
fn engine(bencher: Bencher, tenants: usize) {
    let policies = policies(tenants);
    let mut step = 0;
    bencher.bench_local(|| {
        let tenant = stride(&mut step, tenants);
        let account = Uuid::from_u128(tenant as u128 * 100 + 2);
        black_box(policies[tenant].decide(account, Action::ReadMasked, "data.applicant.email"))
    });
}

#[divan::bench(args = TENANTS)]
fn remembered(bencher: Bencher, tenants: usize) {
    let policies = policies(tenants);
    let mut step = 0;
    bencher.bench_local(|| {
        let tenant = stride(&mut step, tenants);
        let account = Uuid::from_u128(tenant as u128 * 100 + 2);
        black_box(policies[tenant].allows(account, Action::ReadMasked, "data.applicant.email"))
    });
}

#[divan::bench(args = [10, 1000], sample_count = 20, sample_size = 5)]
fn one_enforcer_for_all(bencher: Bencher, tenants: usize) {
    let everybody: Vec<_> = (0..tenants).flat_map(members).collect();
    let policy = RUNTIME.block_on(Policy::build(Uuid::nil(), 1, &everybody)).expect("a policy");
    bencher.bench_local(|| {
        black_box(policy.decide(Uuid::from_u128(102), Action::ReadMasked, "data.applicant.email"))
    });
}

#[divan::bench]
fn build_one() -> Policy {
    RUNTIME.block_on(Policy::build(Uuid::from_u128(1), 1, &members(1))).expect("a policy")
}
