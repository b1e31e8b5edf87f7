use super::IndexKind::{Date, Exact, Mail, Name, Phone, PostalCode};
use super::*;
use proptest::prelude::*;

#[test]
fn spellings_of_one_value_meet() {
    for (kind, normal, spellings) in [
        (
            Mail,
            "hana@example.jp",
            &[
                "Hana@Example.JP",
                " hana@example.jp\t",
                "ｈａｎａ＠ｅｘａｍｐｌｅ．ｊｐ",
                "ha\u{200B}na@example.jp",
            ][..],
        ),
        (Name, "水野花", &["水野　花", " 水野 　 花 ", "水野\u{E0100} 花", "水野\u{00A0}花", "水野・花"]),
        (Name, "バンドウガク", &["ﾊﾞﾝﾄﾞｳ ｶﾞｸ", "ハ\u{3099}ンドウ ガク", "ﾊﾞﾝﾄﾞｳ　ガク", "ばんどう　がく"]),
        (Name, "マリアルイサ", &["マリア・ルイサ", "ﾏﾘｱ･ﾙｲｻ", "マリア　ルイサ"]),
        (Name, "hana mizuno", &["HANA  Mizuno", "Ｈａｎａ　Ｍｉｚｕｎｏ", "Hana·Mizuno"]),
        (Name, "佐々木hana", &["佐々木 Hana", "佐々木Ｈａｎａ"]),
        (Name, "김철수", &["김 철수"]),
        (PostalCode, "1234567", &["〒123-4567", "１２３−４５６７", " 123 4567 ", "〒１２３ー４５６７"]),
        (PostalCode, "sw1a1aa", &["SW1A 1AA"]),
        (
            Phone,
            "09012345678",
            &[
                "090-1234-5678",
                "０９０（１２３４）５６７８",
                "+81 90 1234 5678",
                "+81-(0)90-1234-5678",
                "＋８１９０１２３４５６７８",
            ],
        ),
        (Phone, "+12125550123", &["+1 (212) 555-0123"]),
        (
            Date,
            "2005-04-01",
            &[
                "2005/4/1",
                "2005年4月1日",
                "２００５．０４．０１",
                "20050401",
                " 2005-04-01 ",
                "2005 年 4 月 1 日",
                "平成17年4月1日",
                "平成１７．４．１",
                "㍻17年4月1日",
                "H17.4.1",
                "ｈ17/04/01",
            ],
        ),
        (Date, "2004-02-29", &["2004-02-29"]),
        (Date, "1989-01-07", &["昭和64年1月7日", "S64.1.7"]),
        (Date, "1989-01-08", &["平成元年1月8日", "H1-1-8"]),
        (Date, "2019-05-01", &["令和元年5月1日", "R1.5.1"]),
        (Date, "1912-07-30", &["明治45年7月30日", "大正元年7月30日"]),
        (Exact, "A-０１b", &[" A-０１b\n"]),
    ] {
        for spelling in spellings.iter().copied().chain([normal]) {
            assert_eq!(
                kind.normalise(spelling).as_deref().map(String::as_str),
                Ok(normal),
                "{kind}: {spelling}"
            );
        }
    }
}

#[test]
fn different_values_stay_apart() {
    for (kind, one, two) in [
        (Name, "ハツト", "ハット"),
        (Name, "ヨウコ", "ヨーコ"),
        (Name, "高野", "髙野"),
        (Name, "ann marie", "annmarie"),
        (Name, "ハナ", "バナ"),
        (PostalCode, "1234567", "1234568"),
        (Exact, "a", "A"),
        (Phone, "+12125550123", "12125550123"),
        (Mail, "hana@example.jp", "hana@example.com"),
    ] {
        assert_ne!(kind.normalise(one).unwrap(), kind.normalise(two).unwrap(), "{kind}: {one} {two}");
    }
}

#[test]
fn nothing_and_nonsense_are_refused() {
    for (kind, text) in
        [(Mail, " 　"), (Name, "\u{200B}"), (Phone, "unknown"), (Phone, "+81"), (Date, ""), (Exact, "\n")]
    {
        assert_eq!(kind.normalise(text), Err(Error::NothingToIndex(kind)), "{kind}: {text}");
    }
    for text in [
        "2005-02-29",
        "2005-13-01",
        "2005-00-10",
        "2005-01-00",
        "1900-02-29",
        "1/4/2005",
        "昭和64年1月8日",
        "平成31年5月1日",
        "令和元年4月30日",
        "明治5年12月31日",
        "平成0年1月8日",
        "昭和125年1月1日",
        "X17.4.1",
        "平成17年2月29日",
        "2005年4月1日日",
        "2005-+1-01",
        "2005",
    ] {
        assert_eq!(Date.normalise(text), Err(Error::NotADate), "{text}");
    }
}

/// Texts in which normalising has something to do, more often than arbitrary ones.
const TELLING: &str =
    "[ 　・·\u{3099}\u{309A}\u{FE0F}\u{E0100}\u{200B}ﾞﾟぁ-ゟァ-ヿｦ-ﾝ一-三㍻年月日ßİΣAa0０〒ー+.@-]{0,16}";

proptest! {
    #[test]
    fn normal_forms_are_stable(text in ".{0,40}", telling in TELLING) {
        for kind in [Mail, Name, Phone, Date, PostalCode, Exact] {
            for text in [&text, &telling] {
                if let Ok(normal) = kind.normalise(text) {
                    let again = kind.normalise(&normal);
                    prop_assert_eq!(again.as_deref(), Ok(&*normal), "{}", kind);
                }
            }
        }
    }

    /// Half-width kana, hiragana, full-width letters and a space more: each is found by each.
    #[test]
    fn equal_spellings_of_names_meet(words in prop::collection::vec("[ァ-ヴ]{1,6}", 1..4)) {
        let hiragana = |text: &str| -> String {
            text.chars().map(|c| if c == ' ' { c } else { char::from_u32(c as u32 - 0x60).unwrap() }).collect()
        };
        let decomposed = |text: &str| -> String { unicode_normalization::UnicodeNormalization::nfd(text).collect() };
        let normal = Name.normalise(&words.concat()).unwrap();
        for spelling in [words.join(" "), words.join("　"), words.join("・"), hiragana(&words.join(" ")), decomposed(&words.concat())] {
            prop_assert_eq!(&Name.normalise(&spelling).unwrap(), &normal, "{}", spelling);
        }
    }

    /// Two names collapse only when they differ in nothing but what the kind says: spaces and the kind of kana.
    #[test]
    fn different_names_stay_apart(one in "[ァ-ヴ一-三a-c]{1,4}", two in "[ァ-ヴ一-三a-c]{1,4}") {
        prop_assert_eq!(one == two, Name.normalise(&one).unwrap() == Name.normalise(&two).unwrap());
    }

    /// Every day of an era in its spellings is the same day; the next day is another.
    #[test]
    fn days_meet_in_every_spelling(year in 1950_u32..1988, month in 1_u32..=12, day in 1_u32..=28) {
        let normal = Date.normalise(&format!("{year}-{month}-{day}")).unwrap();
        let era = year - 1925;
        for spelling in [
            format!("昭和{era}年{month}月{day}日"), format!("S{era}.{month}.{day}"), format!("{year}/{month:02}/{day:02}"),
            format!("{year}{month:02}{day:02}"),
        ] {
            prop_assert_eq!(&Date.normalise(&spelling).unwrap(), &normal, "{}", spelling);
        }
        let next = Date.normalise(&format!("{year}-{month}-{}", day + 1));
        prop_assert_ne!(next, Ok(normal));
    }

    #[test]
    fn numbers_meet_with_and_without_country_and_separators(digits in "[789]0[0-9]{8}") {
        let normal = Phone.normalise(&format!("0{digits}")).unwrap();
        let (a, b) = digits.split_at(2);
        let (b, c) = b.split_at(4);
        for spelling in [format!("+81 {a} {b} {c}"), format!("0{a}-{b}-{c}"), format!("+81(0){a}-{b}-{c}"), format!("０{a}ー{b}−{c}")] {
            prop_assert_eq!(&Phone.normalise(&spelling).unwrap(), &normal, "{}", spelling);
        }
    }
}
