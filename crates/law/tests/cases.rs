//! Every worked case beside the packs, in one table.

use law::{
    Packs, SHIPPED, SHIPPED_CASES,
    cases::{Cases, Trust},
};

fn packs() -> Packs {
    match Packs::load(SHIPPED.iter().copied()) {
        Ok(packs) => packs,
        Err(faults) => panic!("{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
    }
}

#[test]
fn every_worked_case_comes_out_as_known() {
    let packs = packs();
    let mut faults = Vec::new();
    let mut counted = [0usize; 3];
    for file in SHIPPED_CASES {
        let cases = Cases::load([*file]).unwrap_or_else(|e| panic!("{e:#?}"));
        assert!(!cases.cases.is_empty(), "{} has no cases", file.0);
        for case in &cases.cases {
            counted[match case.trust {
                Trust::A => 0,
                Trust::B => 1,
                Trust::C => 2,
            }] += 1;
            faults.extend(case.check(&packs));
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    assert!(counted[0] >= 15 && counted[1] >= 10, "the table shrank: {counted:?}");
}
