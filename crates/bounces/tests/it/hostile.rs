use bounces::{Returned, Unreadable, limits, read};
use proptest::prelude::*;

#[test]
fn too_large_and_no_mail_are_told() {
    assert_eq!(read(&vec![b'a'; limits::BYTES + 1]), Err(Unreadable::TooLarge));
    assert_eq!(read(b""), Err(Unreadable::NoMail));
    assert_eq!(read(b"\r\n\r\n"), Err(Unreadable::NoMail));
}

#[test]
fn reports_and_addresses_are_bounded() {
    let group =
        "Final-Recipient: rfc822;a@b.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n".repeat(5_000);
    // So many that comparing each with each would take minutes.
    let to: Vec<String> = (0..80_000).map(|index| format!("a{index}@b.jp")).collect();
    let mail = format!(
        "From: x@y.example\r\nTo: {}\r\nContent-Type: multipart/report; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\n{group}\r\n--b--\r\n",
        to.join(", ")
    );
    let mail = read(mail.as_bytes()).unwrap();
    assert_eq!(mail.returned_to.len(), limits::ADDRESSES);
    assert!(matches!(mail.returned, Returned::Reports(reports) if reports.len() == limits::REPORTS));
}

#[test]
fn a_mail_that_the_library_stumbles_over_is_no_mail() {
    // Found by fuzzing: in a build with debug assertions the parser checks itself and gives up.
    let _ = read(include_bytes!("../mails/library-check.bin"));
}

#[test]
fn what_a_database_cannot_hold_is_not_given_out() {
    let mail = b"From: x@y.example\r\nIn-Reply-To: <a\x00b@x.example>\r\n\r\nx\r\n";
    assert!(read(mail).unwrap().about.is_none_or(|about| !about.contains('\0')));
}

#[test]
fn deep_nesting_ends() {
    let mut mail = String::from("From: x@y.example\r\n");
    for index in 0..2_000 {
        mail.push_str(&format!("Content-Type: multipart/mixed; boundary=b{index}\r\n\r\n--b{index}\r\n"));
    }
    let _ = read(mail.as_bytes());
    let _ = read("From: x\r\nContent-Type: message/rfc822\r\n\r\n".repeat(2_000).as_bytes());
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = read(&bytes);
        let mut mail = b"From: MAILER-DAEMON@x.example\r\nContent-Type: multipart/report; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n".to_vec();
        mail.extend_from_slice(&bytes);
        let _ = read(&mail);
    }
}
