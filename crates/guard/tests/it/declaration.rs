//! What can be wrong with what is declared of sessions.

use guard::identity::{Carrier, Declaration, DeclarationError, Identity, Memory, PatternError};
use http::header::HeaderName;

use crate::school::*;

#[test]
fn what_is_wrong_with_a_declaration_is_told() {
    let errors = |declaration: Declaration| {
        Identity::new("d", declaration, Memory::default(), [0; 32].into()).map(drop).unwrap_err()
    };
    let named = |carriers| Declaration { carriers, ..declaration() };
    assert_eq!(errors(Declaration { system: String::new(), ..declaration() }), [DeclarationError::System]);
    assert_eq!(errors(named(vec![])), [DeclarationError::Carriers]);
    assert_eq!(errors(named(vec![Carrier::Bearer, Carrier::Bearer])), [DeclarationError::Carriers]);
    for name in ["", "a b", "a=b", "a;b", "a%b", "学", &"a".repeat(129)] {
        let told = errors(named(vec![Carrier::Cookie(name.to_owned())]));
        assert!(matches!(&told[..], [DeclarationError::Cookie(_)]), "{name}: {told:?}");
    }
    for name in ["set-cookie", "content-length", "suimon-subject-tag", SUBJECT] {
        let field = HeaderName::from_static(name);
        let taken = Declaration { tenant_header: Some(field.clone()), ..declaration() };
        assert_eq!(errors(taken), [DeclarationError::Field(field)]);
    }
    assert_eq!(errors(Declaration { tenant_header: None, ..declaration() }), [DeclarationError::NoTenant]);
    let tenant_paths = vec!["/t/".to_owned(), "/t/{tenant}".to_owned()];
    let fault = DeclarationError::Pattern { path: "/t/".into(), fault: PatternError::Segment };
    assert_eq!(errors(Declaration { tenant_paths, ..declaration() }), [fault]);
    let tenant_paths = vec!["/t/{tenant}".to_owned(); 33];
    assert_eq!(errors(Declaration { tenant_paths, ..declaration() }), [DeclarationError::Patterns]);
}
