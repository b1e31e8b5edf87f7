//! What the servers of the world write. Addresses and names are made up; the forms are those of Postfix, Exim, Sendmail, Exchange, Gmail and
//! qmail, and of what has no form.

use bounces::{Returned, read};

macro_rules! mails {
    ($($name:literal),+ $(,)?) => { [$(($name, &include_bytes!(concat!("../mails/", $name, ".eml"))[..])),+] };
}

#[test]
fn what_servers_write_is_understood() {
    let mails = mails![
        "postfix",
        "postfix-delayed",
        "exim",
        "sendmail",
        "exchange",
        "gmail",
        "qmail",
        "note-ja",
        "success",
        "complaint",
        "vacation",
        "person",
    ];
    let mut told = String::new();
    for (name, bytes) in mails {
        let mail = read(bytes).unwrap();
        let what = match &mail.returned {
            Returned::Reports(reports) => {
                let of = |report: &bounces::Report| {
                    let code = report.code.map_or_else(|| "-".to_owned(), |code| code.to_string());
                    format!("{:?} {code} {:?}: {:?}", report.action, report.reply, report.verdict())
                };
                reports.iter().map(of).collect::<Vec<_>>().join(", ")
            }
            Returned::Note(report) => format!(
                "a note: {:?} {:?}: {:?}",
                report.code.map(|c| c.to_string()),
                report.reply,
                report.verdict()
            ),
            other => format!("{other:?}"),
        };
        let to = mail.returned_to.first().map_or("-", String::as_str);
        told.push_str(&format!(
            "{name}: {what} | to {to} | about {}\n",
            mail.about.as_deref().unwrap_or("-")
        ));
    }
    insta::assert_snapshot!(told, @r#"
    postfix: Failed 5.1.1 Some(550): Hard | to return+aaaa@mail.example.jp | about 0123456789abcdef@mail.example.jp
    postfix-delayed: Delayed 4.4.1 None: Delayed | to return+aaaa@mail.example.jp | about aaaa@mail.example.jp
    exim: Failed 5.2.2 Some(552): Soft | to return+aaaa@mail.example.jp | about bbbb@mail.example.jp
    sendmail: Failed 5.1.2 Some(550): Hard | to return+aaaa@mail.example.jp | about iiii@mail.example.jp
    exchange: Failed 5.1.10 Some(550): Hard | to return+aaaa@mail.example.jp | about cccc@mail.example.jp
    gmail: Failed 5.7.26 Some(550): Soft | to return+aaaa@mail.example.jp | about dddd@mail.example.jp
    qmail: a note: Some("5.1.1") None: Hard | to return+aaaa@mail.example.jp | about -
    note-ja: a note: Some("5.1.1") None: Hard | to return+aaaa@mail.example.jp | about -
    success: Relayed 2.0.0 None: Delivered | to return+aaaa@mail.example.jp | about -
    complaint: Complaint | to return+aaaa@mail.example.jp | about ffff@mail.example.jp
    vacation: AutomaticAnswer | to return+aaaa@mail.example.jp | about gggg@mail.example.jp
    person: Other | to return+aaaa@mail.example.jp | about hhhh@mail.example.jp
    "#);
}
