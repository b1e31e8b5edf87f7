//! casbin's word against an evaluator of a dozen lines, over random rules, roles, conditions and questions.

use proptest::prelude::*;

use super::*;

/// The decision of a list of rules, without casbin, families, fingerprints and caches.
fn naive(rules: &[Rule], roles: &str, action: &str, object: &str, attributes: &Attributes) -> bool {
    let mut allowed = false;
    for rule in rules {
        let speaks = roles.split(',').any(|role| role == &*rule.role) && rule.speaks_of(action, object);
        if speaks && rule.holds(attributes) {
            match rule.effect {
                Effect::Deny => return false,
                Effect::Allow => allowed = true,
            }
        }
    }
    allowed
}

fn condition() -> impl Strategy<Value = Condition> {
    let value = || prop_oneof![Just(Scalar::from("a")), Just(Scalar::from(true)), Just(Scalar::Number(1.0))];
    let comparison = prop_oneof![
        Just(Comparison::Eq),
        Just(Comparison::Ne),
        Just(Comparison::In),
        Just(Comparison::NotIn),
        Just(Comparison::Lt),
        Just(Comparison::Gte),
    ];
    let against = prop_oneof![
        value().prop_map(Against::Value),
        prop::collection::vec(value(), 1..3).prop_map(Against::Values),
        Just(Against::Other("y".into())),
    ];
    (prop_oneof![Just("x"), Just("y")], comparison, against).prop_map(|(attribute, comparison, against)| {
        Condition { attribute: attribute.into(), comparison, against }
    })
}

fn rule() -> impl Strategy<Value = Rule> {
    (
        prop_oneof![Just("tenant_staff"), Just("call_centre"), Just("data_subject")],
        prop_oneof![Just("data.*"), Just("data.person.name"), Just("app.slot"), Just("app.*"), Just("*")],
        prop_oneof![Just("read"), Just("book"), Just("*")],
        prop_oneof![3 => Just(Effect::Allow), 1 => Just(Effect::Deny)],
        prop::collection::vec(condition(), 0..3),
    )
        .prop_map(|(role, object, action, effect, when)| Rule {
            origin: Origin::Override,
            role: role.into(),
            object: object.into(),
            action: action.into(),
            effect,
            when,
        })
}

fn attributes() -> impl Strategy<Value = Attributes> {
    let value = || {
        prop::option::of(prop_oneof![
            Just(Scalar::from("a")),
            Just(Scalar::from("b")),
            Just(Scalar::from(true)),
            Just(Scalar::Number(2.0))
        ])
    };
    (value(), value()).prop_map(|(x, y)| {
        let mut attributes = Attributes::new();
        for (name, value) in [("x", x), ("y", y)] {
            if let Some(value) = value {
                attributes.set(name, value);
            }
        }
        attributes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn casbin_decides_as_the_rules_say(
        own in prop::collection::vec(rule(), 0..6),
        system in prop::collection::vec(rule(), 0..6),
        roles in prop::sample::subsequence(vec!["call_centre", "data_subject", "tenant_staff"], 0..=3),
        given in prop::collection::vec(attributes(), 1..4),
    ) {
        let policies = Policies::default();
        let mut all = policies.templates.rules.to_vec();
        all.extend(own.iter().cloned());
        all.extend(system.iter().cloned());
        let policy = policies.policy(1, &[], own);
        let system = SystemRules::new(system, Vec::new(), &jiff::tz::TimeZone::UTC);
        let roles = role_set(roles.into_iter());
        for attributes in &given {
            for action in ["read", "read_masked", "book"] {
                for object in ["data.person.name", "data.person.mail", "app.slot", "tenant"] {
                    let question = Question { action, object, system: Some(&system), attributes };
                    let expected = naive(&all, &roles, action, object, attributes);
                    prop_assert_eq!(policy.decide(&roles, question), expected);
                    // Asked twice: the remembered answer too.
                    prop_assert_eq!(policy.allows(&roles, question), expected);
                    prop_assert_eq!(policy.allows(&roles, question), expected);
                    prop_assert_eq!(policy.explain(&roles, question).allowed, expected);
                }
            }
        }
    }
}

#[test]
fn the_templates_can_be_read_and_equal_tenants_share_enforcers() {
    let policies = Policies::default();
    assert!(policies.templates.rules.len() > 50);
    let attributes = Attributes::new();
    let question =
        Question { action: "read_masked", object: "data.person.name", system: None, attributes: &attributes };
    for tenant in 0..100 {
        let member = Uuid::from_u128(tenant);
        let policy = policies.policy(1, &[(member, Role::TenantStaff)], Vec::new());
        assert!(policy.allows(policy.roles_of(member), question));
        assert!(
            !policy.allows(policy.roles_of(Uuid::nil()), question) || tenant == 0,
            "a stranger has no roles"
        );
    }
    policies.engines.run_pending_tasks();
    assert_eq!(policies.engines.entry_count(), 1);
}

#[test]
fn a_rule_of_one_tenant_is_not_another_one_s() {
    let policies = Policies::default();
    let deny = Rule {
        origin: Origin::Override,
        role: "tenant_staff".into(),
        object: "data.person.*".into(),
        action: "*".into(),
        effect: Effect::Deny,
        when: Vec::new(),
    };
    let (strict, plain) = (policies.policy(1, &[], vec![deny]), policies.policy(1, &[], Vec::new()));
    let attributes = Attributes::new();
    let question =
        Question { action: "read_masked", object: "data.person.name", system: None, attributes: &attributes };
    assert!(!strict.allows("tenant_staff", question));
    assert!(plain.allows("tenant_staff", question));
    assert_eq!(strict.explain("tenant_staff", question).because, "refused by rule of the tenant");
}
