//! A report as a part would build it, in both languages. The people and the incident are made up.

use document::{
    Block, Choice, Column, Document, Field, Item, Language, Letter, Letters, List, ListKind, Meta, Note,
    NoteKind, Rich, State, Table, Value,
};

pub const DIGEST: &str = "sha256:3f0a1c5be7d24a9f8b60e1c2d3f4a5b697887766554433221100ffeeddccbbaa";

pub fn report(language: Language) -> Document {
    match language {
        Language::Ja => ja(),
        Language::En => en(),
    }
}

fn meta(number: &str, state: State) -> Meta {
    Meta {
        number: number.to_owned(),
        version: "2".to_owned(),
        state,
        generated_at: "2023-11-02T15:04:05+09:00".parse().unwrap(),
        source_digest: DIGEST.to_owned(),
    }
}

fn ja() -> Document {
    let mut blocks = vec![
        Block::heading(1, "1. 事案の概要"),
        Block::paragraph(
            Rich::new()
                .text("2023年10月26日（木）21時59分から22時46分までの間、オンライン申請システムの「マイページ」において、")
                .strong("他の利用者の個人情報が閲覧できる状態")
                .text("となっていました。原因は、CDN（Content Delivery Network）のキャッシュ設定で、応答ヘッダー Cache-Control: private を無視する規則が一時的に有効になったことです。詳細は")
                .link("経過のページ", "https://example.jp/incidents/2023-001?lang=ja")
                .text("をご覧ください。"),
        ),
        Block::paragraph(
            Rich::new()
                .text("閲覧された可能性のある方は最大で1,024名です。うち")
                .emphasis("要配慮個人情報")
                .text("を含む方は")
                .unknown("健診結果の項目を照合中")
                .text("です。"),
        ),
        Block::Note(Note {
            kind: NoteKind::Warning,
            body: vec![
                "この文書は下書きです。監督機関に提出する前に、責任者の承認を受けてください。".into(),
                Rich::new().text("期限：").strong("速報は知った日からおおむね3～5日以内").text("。"),
            ],
        }),
        Block::heading(1, "2. 報告事項"),
        Block::Fields(vec![
            Field::new("1", "報告種別", Value::Choices(vec![Choice::new("新規（速報）", true), Choice::new("続報", false), Choice::new("確報", false)])),
            Field::new("2", "報告をする個人情報取扱事業者の氏名又は名称", "学校法人サンプル学園"),
            Field::new("3(1)", "概要", "オンライン申請システムにおいて、CDNの設定誤りにより、ログイン中の利用者のページが他の利用者に表示された。\n発生日：2023年10月26日\n発覚日：2023年10月26日"),
            Field::new("3(2)", "漏えい等が発生し、又は発生したおそれがある個人データの項目", "氏名、住所、電話番号、メールアドレス、申請内容"),
            Field::new("3(3)", "漏えい等が発生し、又は発生したおそれがある個人データに係る本人の数", Rich::new().text("1,024名（最大）。確定数は").unknown("ログの照合が終わっていない")),
            Field::new("3(4)", "発生原因", Value::or_unknown(None::<Rich>, "外部の調査報告を待っている")),
            Field::new("3(5)", "二次被害又はそのおそれの有無及びその内容", "現時点で確認されていない。"),
        ]),
        Block::heading(2, "2.1 対応の状況"),
        Block::numbered(["設定を元に戻した（22時46分）", "キャッシュを全て消去した（22時51分）", "影響範囲の調査を開始した。調査では、エッジの記録とオリジンの記録を突き合わせ、誰の応答が誰に返されたかを1件ずつ再現している。"]),
        Block::List(List {
            kind: ListKind::Bullet,
            items: vec![
                Item::with("再発防止策", List { kind: ListKind::Bullet, items: vec![Item::new("設定変更を二人で確認する"), Item::new("本番と同じ構成で試験する")] }),
                Item::new("窓口の設置：info@example.jp"),
            ],
        }),
        Block::heading(1, "3. 時系列"),
    ];
    let rows = (0..48).map(|index| {
        let entry = match index % 4 {
            0 => "利用者から「他人の氏名が表示される」との連絡を受けた。",
            1 => "担当者が設定の変更履歴を確認し、22時46分に元に戻した。なお、この間に配信された応答はエッジの記録に残っている。",
            2 => "対策本部を設置した。",
            _ => "監督機関（個人情報保護委員会）に相談した。",
        };
        vec![format!("{}", index + 1).into(), format!("10月26日 {:02}:{:02}", 21 + index / 30, (index * 2) % 60).into(), entry.into()]
    });
    blocks.push(Block::Table(Table {
        caption: Some("表1　対応の経過".to_owned()),
        columns: vec![Column::number("番号", 8), Column::new("日時", 24), Column::new("内容", 68)],
        rows: rows.collect(),
        row_headers: true,
    }));
    blocks.push(Block::Note(Note {
        kind: NoteKind::Info,
        body: vec!["氏名に含まれる文字：髙、﨑、𠮷、葛\u{E0100}。絵文字：👩‍👧。".into()],
    }));
    Document {
        title: "個人データの漏えい等に関する報告書（速報）".to_owned(),
        language: Language::Ja,
        meta: meta("INC-2023-001-PPC", State::Draft),
        blocks,
    }
}

fn en() -> Document {
    let mut blocks = vec![
        Block::heading(1, "1. What happened"),
        Block::paragraph(
            Rich::new()
                .text("Between 21:59 and 22:46 on Thursday, 26 October 2023, pages of the portal “My page” were shown to ")
                .strong("people other than those whom they concern")
                .text(". A rule of the content delivery network that ignored the header Cache-Control: private had been put into force by mistake. See ")
                .link("the page of the incident", "https://example.org/incidents/2023-001?lang=en")
                .text(" for what has been done since."),
        ),
        Block::paragraph(
            Rich::new()
                .text("At most 1,024 people are concerned. How many of them have ")
                .emphasis("special categories of data")
                .text(" on their pages is ")
                .unknown("the fields of the health check are being compared")
                .text("."),
        ),
        Block::Note(Note { kind: NoteKind::Info, body: vec!["Article 33(4): the information may be provided in phases without undue further delay.".into()] }),
        Block::heading(1, "2. Notification under Article 33"),
        Block::Fields(vec![
            Field::new("1", "Type of notification", Value::Choices(vec![Choice::new("Initial", true), Choice::new("Supplementary", false), Choice::new("Final", false)])),
            Field::new("2", "Controller", "Sample School, 1 Example Street, Dublin"),
            Field::new("3(a)", "Nature of the personal data breach", "Confidentiality: pages of logged-in people were kept by a shared cache and given to others."),
            Field::new("3(b)", "Approximate number of data subjects concerned", Rich::new().text("1,024 at most; exact number ").unknown("logs are being compared")),
            Field::new("3(c)", "Likely consequences", Value::or_unknown(None::<Rich>, "assessment by the data protection officer is due on 3 November")),
        ]),
        Block::heading(2, "2.1 Measures"),
        Block::numbered(["The rule was taken back (22:46).", "All caches were emptied (22:51).", "The logs of the edge and of the origin are being compared, response by response, to find out whose page was given to whom."]),
        Block::List(List {
            kind: ListKind::Bullet,
            items: vec![
                Item::with("Against a repetition", List { kind: ListKind::Bullet, items: vec![Item::new("Changes are confirmed by a second person."), Item::new("They are tried on a copy first.")] }),
                Item::new("Contact: info@example.org"),
            ],
        }),
        Block::heading(1, "3. Timeline"),
    ];
    let rows = (0..48).map(|index| {
        let entry = match index % 4 {
            0 => "Somebody reports that another person’s name is shown.",
            1 => "The history of the configuration is read; the rule is taken back at 22:46. What was answered in between is in the logs of the edge.",
            2 => "The response team meets.",
            _ => "The authority is consulted.",
        };
        vec![format!("{}", index + 1).into(), format!("26 Oct {:02}:{:02}", 21 + index / 30, (index * 2) % 60).into(), entry.into()]
    });
    blocks.push(Block::Table(Table {
        caption: Some("Table 1: what was done".to_owned()),
        columns: vec![Column::number("No.", 8), Column::new("Time", 22), Column::new("Entry", 70)],
        rows: rows.collect(),
        row_headers: true,
    }));
    Document {
        title: "Notification of a personal data breach".to_owned(),
        language: Language::En,
        meta: meta("INC-2023-001-DPC", State::Final),
        blocks,
    }
}

/// Letters to made-up people, alike but for address and salutation, as a notice makes them.
pub fn letters(language: Language, count: usize) -> Letters {
    let letter = |index: usize| match language {
        Language::Ja => ja_letter(index),
        Language::En => en_letter(index),
    };
    Letters {
        language,
        generated_at: "2023-11-02T15:04:05+09:00".parse().unwrap(),
        duplex: false,
        letters: (0..count).map(letter).collect(),
    }
}

fn owned<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(str::to_owned).to_vec()
}

fn ja_letter(index: usize) -> Letter {
    let name = format!("見本 太郎{index}");
    Letter {
        address: vec![
            "〒100-0000".to_owned(),
            format!("東京都千代田区見本町1丁目2番{index}号"),
            "サンプルレジデンス見本町第二タワー 1203号室".to_owned(),
            format!("{name} 様"),
        ],
        sender: owned([
            "学校法人サンプル学園",
            "〒100-0001 東京都千代田区例示町4丁目5番6号",
            "個人情報保護管理者　例示 花子",
            "電話 03-0000-0000（平日9時～17時）",
        ]),
        date: "2023年11月2日".to_owned(),
        reference: format!("INC-2023-001-N2 / {:05}", index + 1),
        subject: "個人情報の漏えいのおそれに関するお詫びとお知らせ".to_owned(),
        paragraphs: vec![
            format!("{name} 様"),
            "平素より当学園の教育活動にご理解を賜り、厚く御礼申し上げます。このたび、オンライン申請システムにおいて、あなたの個人情報が他の利用者に閲覧された可能性があることが判明しましたので、お知らせいたします。ご心配とご迷惑をおかけしますことを、深くお詫び申し上げます。".to_owned(),
            "1. 概要\n2023年10月26日（木）21時59分から22時46分までの間、CDN（Content Delivery Network）のキャッシュ設定の誤りにより、ログイン中の利用者のページが他の利用者に表示される状態となっていました。".to_owned(),
            "2. 漏えい等のおそれがある個人情報の項目\n氏名、住所、電話番号、メールアドレス、申請内容。クレジットカードの番号とパスワードは含まれません。".to_owned(),
            "3. 原因\n応答ヘッダー Cache-Control: private を無視する規則が、一時的に有効になっていたことによるものです。".to_owned(),
            "4. 二次被害又はそのおそれの有無\n現時点で確認されていません。不審な電話やメールを受け取られた場合は、下記の窓口までご連絡ください。".to_owned(),
            "5. 対応\n設定を元に戻し、キャッシュを全て消去しました。今後は設定の変更を二人で確認し、本番と同じ構成で試験します。".to_owned(),
            "お問い合わせ先\n個人情報相談窓口　電話 03-0000-0000（平日9時～17時）\nメール info@example.jp".to_owned(),
        ],
    }
}

fn en_letter(index: usize) -> Letter {
    let name = format!("Alex Sample{index}");
    Letter {
        address: vec![
            name.clone(),
            format!("Flat {index}, The Example Court"),
            "12 Sample Street".to_owned(),
            "Dublin D02 XY45".to_owned(),
            "IRELAND".to_owned(),
        ],
        sender: owned([
            "Sample School",
            "1 Example Street, Dublin D01 AB12",
            "Data protection officer: Robin Example",
            "Telephone +353 1 000 0000",
        ]),
        date: "2 November 2023".to_owned(),
        reference: format!("INC-2023-001-N2 / {:05}", index + 1),
        subject: "Your personal data may have been seen by others".to_owned(),
        paragraphs: vec![
            format!("Dear {name},"),
            "we write to tell you of a mistake of ours that concerns you. On Thursday, 26 October 2023, between 21:59 and 22:46, pages of our portal “My page” were shown to people other than those whom they concern. Yours may be among them. We are sorry.".to_owned(),
            "What was seen: name, address, telephone number, email address and what you applied for. Card numbers and passwords were not.".to_owned(),
            "Why: a rule of the content delivery network that ignored the header Cache-Control: private had been put into force by mistake.".to_owned(),
            "What may follow: others may know your address. We know of no misuse. Please be wary of calls and messages that speak of your application, and never give a password to anybody who asks for it.".to_owned(),
            "What we have done: the rule was taken back and all caches were emptied within the hour. Changes are confirmed by a second person now and are tried on a copy first. The Data Protection Commission was told on 28 October.".to_owned(),
            "Whom to ask: Robin Example, data protection officer\nTelephone +353 1 000 0000, info@example.org".to_owned(),
            "Yours sincerely\nSample School".to_owned(),
        ],
    }
}
