//! What the notices of the demo say, by language: the variables of the templates.

use serde_json::{Value, json};

/// Texts for the persons concerned.
pub fn for_persons() -> Value {
    json!({
        "ja": {
            "what_happened": "2023年10月26日11時00分から15時41分までの間、CDNのキャッシュ設定の誤りにより、ログイン中の方の画面が他の利用者に表示された可能性があります。",
            "data_items": "その時間帯に開かれた画面の内容（氏名、フリガナ、メールアドレス、生年月日、電話番号、住所、保護者氏名、志望コースなど）",
            "cause": "個人の画面を共有キャッシュに保存しないという要件を定めておらず、確認しないまま設定を変更したこと",
            "secondary_damage": "現時点で二次被害は確認されていません。表示された画面から他人の権限で操作することはできません。",
            "measures": "10月26日15時41分にキャッシュを停止しました。個人の画面を共有キャッシュに保存しない要件を定め、リリース前に確認します。",
            "contact_desk": "本件お問い合わせ窓口 desk@mizuumi.example",
        },
        "en": {
            "what_happened": "From 11:00 to 15:41 on 26 October 2023 a wrong caching setting at our CDN may have shown pages of people who were logged in to other users.",
            "data_items": "What was on pages opened during that time: name and its reading, mail address, date of birth, telephone, postal address, guardian's name, choice of course",
            "cause": "We had stated no requirement that a shared cache must not store personal pages, and changed the setting without checking it.",
            "secondary_damage": "We know of none. Nobody could act with another's rights from a page that was shown.",
            "measures": "Caching was switched off at 15:41 on 26 October. The requirement is stated now and checked before each release.",
            "contact_desk": "Desk for this incident, desk@mizuumi.example",
        },
    })
}

/// Texts for the schools.
pub fn for_schools() -> Value {
    json!({
        "ja": {
            "what_happened": "2023年10月26日11時00分から15時41分までの間、CDNのキャッシュ設定の誤りにより、志願者のマイページ及び学校管理画面が他の利用者に表示された可能性があります。",
            "data_items": "その時間帯に開かれたマイページ及び管理画面の内容",
            "cause": "個人の画面を共有キャッシュに保存しないという要件を定めておらず、確認しないまま設定を変更したこと",
            "secondary_damage": "現時点で二次被害は確認されていません。",
            "measures": "10月26日15時41分にキャッシュを停止しました。個人情報保護委員会には10月27日に任意で報告しています。対象となる方には当社からお知らせします。",
            "contact_desk": "学校様向け窓口 schools@mizuumi.example",
        },
        "en": {
            "what_happened": "From 11:00 to 15:41 on 26 October 2023 a wrong caching setting at our CDN may have shown applicants' pages and administration pages to other users.",
            "data_items": "What was on applicants' pages and administration pages opened during that time",
            "cause": "We had stated no requirement that a shared cache must not store personal pages, and changed the setting without checking it.",
            "secondary_damage": "We know of none.",
            "measures": "Caching was switched off at 15:41 on 26 October. The authority was told voluntarily on 27 October. We write to the people concerned ourselves.",
            "contact_desk": "Desk for schools, schools@mizuumi.example",
        },
    })
}

/// Texts for the medical workers whose record a desk read more of than it should.
pub fn for_medical_workers() -> Value {
    json!({
        "ja": {
            "what_happened": "2023年11月13日10時00分から15日10時30分までの間、ワクチン接種予約システムの参照権限の設定が広すぎたため、接種医療機関の窓口の担当者が、必要のない場合にもあなたの情報の一部を参照できる状態にあり、実際に参照した記録があります。",
            "data_items": "生年月日、接種券番号",
            "cause": "窓口が生年月日と接種券番号を何のために参照するかを定めないまま、参照を許可したこと",
            "secondary_damage": "現時点で二次被害は確認されていません。参照したのは医療機関の窓口の担当者のみで、それ以外の者に表示された記録はありません。",
            "measures": "11月15日10時30分に、本人確認のために生年月日を参照する場合に限るよう改めました。接種券番号は窓口に表示されません。",
            "contact_desk": "ワクチン接種予約システムお問い合わせ窓口 desk@shiomi.example",
        },
        "en": {
            "what_happened": "From 10:00 on 13 November to 10:30 on 15 November 2023 a rule of our vaccine booking system was too wide. Staff at the desk of a medical institution could read part of your record without needing it, and our records say that they did.",
            "data_items": "Date of birth, vaccination ticket number",
            "cause": "We let the desks read date of birth and ticket number without stating what for.",
            "secondary_damage": "We know of none. Only staff at the desks of the institutions read these; no record shows anybody outside.",
            "measures": "Since 10:30 on 15 November a desk reads the date of birth only to find out who is calling, and never the ticket number.",
            "contact_desk": "Desk of the vaccine booking system, desk@shiomi.example",
        },
    })
}
