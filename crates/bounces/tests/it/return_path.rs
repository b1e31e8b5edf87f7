use bounces::{LAST_MAIL, MESSAGE, ReturnPath};
use proptest::prelude::*;

fn path() -> ReturnPath {
    ReturnPath::new([3; 32], "return", "Mail.Example.jp").unwrap()
}

#[test]
fn an_address_fits_and_leads_back() {
    let message = *b"0123456789abcdef";
    let address = path().address(message, 0);
    insta::assert_snapshot!(address, @"return+gaytemzugu3doobzmfrggzdfmygdqjqch7wwiqytjy@mail.example.jp");
    assert!(address.split('@').next().unwrap().len() <= 64);
    for way in [address.clone(), address.to_uppercase(), format!("<{address}>"), format!(" {address} ")] {
        assert_eq!(path().message_of(&way), Some((message, Some(0))), "{way}");
    }
    // Of a version that did not number mails.
    let old = "return+gaytemzugu3doobzmfrggzdfm3kbd5e5375rncoh3u@mail.example.jp";
    assert_eq!(path().message_of(old), Some((message, None)));
}

#[test]
fn what_nobody_else_can_make_is_not_taken_from_others() {
    let address = path().address([9; MESSAGE], 1);
    let other_key = ReturnPath::new([4; 32], "return", "mail.example.jp").unwrap();
    assert_eq!(other_key.message_of(&address), None);
    let other_domain = ReturnPath::new([3; 32], "return", "example.jp").unwrap();
    assert_eq!(other_domain.message_of(&address), None);
    for wrong in [
        "",
        "@",
        "return@mail.example.jp",
        "return+@mail.example.jp",
        "return+x@mail.example.jp",
        "表+a@mail.example.jp",
    ] {
        assert_eq!(path().message_of(wrong), None, "{wrong}");
    }
    // Each letter counts, the last one too.
    let (local, domain) = address.split_once('@').unwrap();
    for (index, letter) in local.char_indices().skip("return+".len()) {
        let other = if letter == 'a' { "b" } else { "a" };
        let mut changed = local.to_owned();
        changed.replace_range(index..=index, other);
        assert_eq!(path().message_of(&format!("{changed}@{domain}")), None, "{index}");
    }
}

#[test]
fn addresses_that_are_none_are_refused() {
    for (prefix, domain) in [
        ("", "example.jp"),
        ("Return", "example.jp"),
        ("a+b", "example.jp"),
        (".a", "example.jp"),
        ("a..b", "example.jp"),
        ("abcdefghijklmnopqrstuv", "example.jp"),
        ("return", ""),
        ("return", "-a.jp"),
        ("return", "a..jp"),
        ("return", "日本.jp"),
    ] {
        assert!(ReturnPath::new([0; 32], prefix, domain).is_err(), "{prefix} {domain}");
    }
    assert!(ReturnPath::new([0; 32], "abcdefghijklmnopqrstu", "localhost").is_ok());
}

proptest! {
    #[test]
    fn every_mail_has_its_own(one: [u8; MESSAGE], other: [u8; MESSAGE], mail in 0..=LAST_MAIL) {
        let path = path();
        prop_assert_eq!(path.message_of(&path.address(one, mail)), Some((one, Some(mail))));
        prop_assert_eq!(path.address(one, mail) == path.address(other, mail), one == other);
        prop_assert_eq!(path.address(one, mail) == path.address(one, 0), mail == 0);
    }

    #[test]
    fn no_token_of_the_right_form_is_taken_for_one(token in "[a-z2-7]{41}[aeimquy4]") {
        prop_assert_eq!(path().message_of(&format!("return+{token}@mail.example.jp")), None);
    }

    #[test]
    fn no_text_is_taken_for_one(text in "\\PC{0,80}") {
        prop_assert_eq!(path().message_of(&format!("return+{text}@mail.example.jp")), None);
    }
}
