//! What people wrote down in those two weeks, in both languages. The events and their times are those of the founding report;
//! the words are our own, the organisations invented.

/// A text in both languages.
pub struct Words {
    pub ja: &'static str,
    pub en: &'static str,
}

impl Words {
    /// Both, one below the other: the operator's staff writes Japanese, the demo's reader may not read it.
    pub fn both(&self) -> String {
        format!("{}\n{}", self.ja, self.en)
    }
}

const fn words(ja: &'static str, en: &'static str) -> Words {
    Words { ja, en }
}

/// An entry of the timeline, in the time of the story.
pub struct Entry {
    pub kind: &'static str,
    pub at: &'static str,
    pub until: Option<&'static str>,
    pub precision: &'static str,
    pub words: Words,
}

const fn entry(kind: &'static str, at: &'static str, precision: &'static str, words: Words) -> Entry {
    Entry { kind, at, until: None, precision, words }
}

const fn lasting(kind: &'static str, at: &'static str, until: &'static str, words: Words) -> Entry {
    Entry { kind, at, until: Some(until), precision: "EXACT", words }
}

pub const TITLE: &str = "CDNのキャッシュ設定により本人以外の画面が表示された事案 / Pages shown to other people by a caching setting of the CDN";

pub const APPLICANT_SAW_ONE: Words = words(
    "志願者から、自分のマイページを開いたところ他の志願者のマイページが表示されたとの連絡があった。",
    "An applicant opened the own page and saw that of another applicant.",
);
pub const APPLICANT_SAW_SEVERAL: Words = words(
    "志願者から、自分のマイページを開いたところ他の志願者2名のマイページが表示されたとの連絡があった。",
    "An applicant opened the own page and saw those of two other applicants.",
);
pub const ADMIN_SAW_ONE: Words = words(
    "学校管理者から、自校の管理画面を開いたところ他校の管理画面が表示されたとの連絡があった。",
    "An administrator opened the own school's pages and saw those of another school.",
);
pub const REPORTER_APPLICANT: &str = "志願者（志願先の学校を通じて） / an applicant, through the school";
pub const REPORTER_ADMIN: &str = "学校管理者 / an administrator of a school";

pub const BOOKING_TITLE: &str =
    "窓口での参照範囲が必要以上に広かった事案 / Desks could read more of a record than they needed";

pub const DESK_READ_TICKET: Words = words(
    "看護師から、電話で問い合わせた際に窓口の担当者が自分の接種券番号を読み上げたとの連絡があった。",
    "A nurse called a desk about a slot, and the desk read her own ticket number out to her.",
);
pub const REPORTER_WORKER: &str =
    "医療従事者（接種医療機関を通じて） / a medical worker, through the institution";

pub const BOOKING_CONTAINED: Words = words(
    "VAX-ACC-010を改め、窓口の参照を本人確認のための生年月日に限った。",
    "VAX-ACC-010 was stated anew: a desk reads the date of birth, to find out who is calling, and no more.",
);
pub const REASON_OWN_RECORD: Words = words(
    "本システム自身の閲覧記録のうち、改めた規則では許可されない参照の対象となった方。",
    "Those whose record was read, by the service's own log, as the rule that was put right refuses.",
);

pub const CONTAINED: Words = words(
    "CDNのキャッシュ機能を無効に戻した。以後、同種の連絡はない。",
    "Caching at the CDN was switched off again. No such report came in afterwards.",
);

/// Written down when the incident was opened and after containment.
pub const OF_THE_DAY: [Entry; 8] = [
    lasting(
        "EVENT",
        "2023-10-26T11:00",
        "2023-10-26T11:30",
        words(
            "臨時保守。攻撃への備えとしてWAFを再設定し、CDNのキャッシュ機能を有効にした。キャッシュの対象や条件を定めた要件はなかった。",
            "Unplanned maintenance: as a defence against attacks the firewall was set up again and caching at the CDN switched on. No requirement said what may be cached.",
        ),
    ),
    entry(
        "EVENT",
        "2023-10-26T11:44",
        "EXACT",
        words(
            "担当者によるテスト出願は正常に動作した。",
            "A test application by the operator's staff worked.",
        ),
    ),
    entry(
        "EVENT",
        "2023-10-26T11:50",
        "EXACT",
        words("2回目のテストログインも正常に動作した。", "A second test login worked, too."),
    ),
    entry(
        "INVESTIGATION",
        "2023-10-26T15:00",
        "ABOUT",
        words(
            "運営者と保守会社が電話で状況を整理。サーバやデータベースに異常な挙動はなく、アプリケーションの改修も行っていないことを確認した。",
            "Operator and maintainer took stock by telephone: nothing unusual at servers and database, no change of the application.",
        ),
    ),
    entry(
        "DECISION",
        "2023-10-26T15:30",
        "ABOUT",
        words(
            "WAFとCDNの導入が原因である可能性が大きいと判断し、キャッシュ機能の停止を決定した。",
            "The firewall and the CDN were judged the likely cause; it was decided to stop caching.",
        ),
    ),
    entry(
        "DECISION",
        "2023-10-26T16:00",
        "ABOUT",
        words(
            "個人の画面が新たにキャッシュされることはなくなり、他者に表示される状態は解消したと判断した。",
            "Personal pages were no longer stored at the CDN: it was judged that nobody would be shown another's page any more.",
        ),
    ),
    entry(
        "CAUSE",
        "2023-10-26T16:10",
        "EXACT",
        words(
            "CDNのキャッシュの識別にCookieが含まれておらず、ある利用者への応答が共有キャッシュに保存され、同じURLを開いた別の利用者に返された。",
            "The CDN did not tell cookies apart: a response to one person was stored in the shared cache and served to another who opened the same URL.",
        ),
    ),
    entry(
        "IMPACT",
        "2023-10-26T16:10",
        "EXACT",
        words(
            "表示されたのはその時点でキャッシュにあった画面に限られる。表示された画面から他人の権限で操作することはできず、登録データの変更や実データへの不正なアクセスは確認されていない。",
            "Only pages that were in the cache at that moment were shown. Nobody could act with another's rights; no data was changed and no access to the stored data was found.",
        ),
    ),
];

/// 27 October.
pub const OF_THE_NEXT_DAY: [Entry; 5] = [
    lasting(
        "MEETING",
        "2023-10-27T09:00",
        "2023-10-27T10:00",
        words(
            "第1回会議。事案の内容、対応、対象範囲の特定方法を共有した。",
            "First meeting: what had happened, what was done, how to find out who is concerned.",
        ),
    ),
    entry(
        "INVESTIGATION",
        "2023-10-27T09:49",
        "EXACT",
        words(
            "前後に幅をもたせた時間帯の志願者のログイン一覧を共有した。",
            "The list of applicants' logins of a generous window was shared.",
        ),
    ),
    entry(
        "INVESTIGATION",
        "2023-10-27T13:54",
        "EXACT",
        words("学校管理者のログイン一覧を共有した。", "The list of administrators' logins was shared."),
    ),
    entry(
        "COMMUNICATION",
        "2023-10-27T15:00",
        "FROM",
        words(
            "対象の志願者が10名以上の学校に、電話で状況を説明した。",
            "Schools with ten or more of the applicants concerned were told by telephone.",
        ),
    ),
    lasting(
        "MEETING",
        "2023-10-27T15:00",
        "2023-10-27T16:00",
        words(
            "第2回会議。ログの分析結果と今後の調査方針を共有した。",
            "Second meeting: results from the logs, further steps.",
        ),
    ),
];

pub const AUTHORITY_REPORT: Words = words(
    "保守会社が個人情報保護委員会に報告書を提出した（任意）。事実経過と初期対応が中心。",
    "The maintainer filed a voluntary report with the authority: the events and the first response.",
);

/// 30 October, when the team was set up.
pub const OF_THE_THIRD_MEETING: [Entry; 1] = [lasting(
    "MEETING",
    "2023-10-30T10:00",
    "2023-10-30T10:30",
    words(
        "第3回会議。事故対策本部を設置し、役割を分担した。",
        "Third meeting: the response team and its roles were set up.",
    ),
)];

/// 31 October to 7 November.
pub const OF_THE_DAYS_AFTER: [Entry; 4] = [
    lasting(
        "MEETING",
        "2023-10-31T14:00",
        "2023-10-31T14:30",
        words("第4回会議。ログから分かったことを共有した。", "Fourth meeting: what the logs had shown."),
    ),
    lasting(
        "MEETING",
        "2023-11-02T15:00",
        "2023-11-02T16:00",
        words(
            "第5回会議。原因につながる個別の事象を検討した。",
            "Fifth meeting: single cases that point at the cause.",
        ),
    ),
    lasting(
        "MEETING",
        "2023-11-06T10:30",
        "2023-11-06T11:00",
        words(
            "第6回会議。今後の対応と資料の収集を打ち合わせた。",
            "Sixth meeting: further response, and the papers to collect.",
        ),
    ),
    entry(
        "COMMUNICATION",
        "2023-11-07T17:39",
        "EXACT",
        words(
            "対象者のいない学校にも、事案の発生をメールで報告した。",
            "Schools without anybody concerned were told by mail that the incident had happened.",
        ),
    ),
];

/// The incident in a paragraph. Persons and schools come from the approved list.
pub fn summary(applicants: (u64, u64), admins: (u64, u64)) -> String {
    let ((applicants, of_schools), (admins, at_schools)) = (applicants, admins);
    format!(
        "2023年10月26日11時00分から15時41分までの4時間41分間、CDNのキャッシュ設定の誤りにより、志願者のマイページ及び学校の管理画面が他の利用者に\
         表示された可能性がある。対象者は志願者{applicants}名（{of_schools}校）、学校管理者{admins}名（{at_schools}校）。外部からの攻撃によるものではない。\n\
         For 4 hours and 41 minutes, from 11:00 to 15:41 on 26 October 2023, a wrong caching setting at the CDN may have shown \
         applicants' pages and schools' administration pages to other users. Concerned are {applicants} applicants \
         ({of_schools} schools) and {admins} administrators ({at_schools} schools). It was no attack."
    )
}

/// A question to somebody outside and the answer.
pub struct Exchange {
    pub party_kind: &'static str,
    pub party: &'static str,
    pub channel: &'static str,
    pub asked: &'static str,
    pub question: Words,
    pub answered: &'static str,
    pub answer: Words,
}

pub const VENDOR: &str = "CDN事業者 / CDN vendor";
pub const AUTHORITY: &str = "個人情報保護委員会 / Personal Information Protection Commission";

pub const WHO_SAW_WHOM: Exchange = Exchange {
    party_kind: "VENDOR",
    party: VENDOR,
    channel: "ticket",
    asked: "2023-10-30T11:32",
    question: words(
        "誰のキャッシュが誰に表示されたかを確認できる情報を収集できるか。",
        "Can it be found out whose cached page was shown to whom?",
    ),
    answered: "2023-10-30T16:18",
    answer: words(
        "どの利用者の情報が返されたかを追跡する有効な手段はない。",
        "There is no effective way to trace whose information a request was answered with.",
    ),
};

pub const WHICH_REQUESTS: Exchange = Exchange {
    party_kind: "VENDOR",
    party: VENDOR,
    channel: "ticket",
    asked: "2023-11-01T19:43",
    question: words(
        "どのようなアクセスで他者のキャッシュが返されることがあるか。",
        "By which requests can another person's cached page be returned?",
    ),
    answered: "2023-11-02T17:25",
    answer: words(
        "内部の仕組みは案内できない。少なくとも1秒は保持される想定だが、それより早く消えることもある。",
        "Internals are not disclosed. An object is expected to stay for at least one second, though it may go earlier.",
    ),
};

pub const HEARING: Exchange = Exchange {
    party_kind: "AUTHORITY",
    party: AUTHORITY,
    channel: "hearing",
    asked: "2023-11-02T10:00",
    question: words(
        "本件について、運営者、保守会社及び学校に報告等の義務はあるか。",
        "Do the operator, the maintainer or the schools have a duty to report?",
    ),
    answered: "2023-11-02T11:00",
    answer: words(
        "規則第7条各号に該当せず（本人の数が千人を超えない）、報告義務はない。公表も任意である。",
        "None of the items of Rule 7 is met (not more than 1,000 persons): there is no duty to report, and publication is voluntary.",
    ),
};

pub const REASON_FIRST: Words = words(
    "ログイン記録による第1版。前後30分の幅をもたせ、失敗したログインも含む。",
    "First list from the login log: half an hour more on each side, failed logins included.",
);
pub const REASON_REVISED: Words = words(
    "ログイン時刻と状況を精査。時間外と失敗したログインを除き、時間内にログイン済みで画面を開いた人を加えた。",
    "Login times and outcomes examined: logins outside the window and failed ones are out; people who were logged in already and opened a page inside it are in.",
);

/// What is done, and from when.
pub struct Measure {
    pub title: Words,
    pub requirement: Option<&'static str>,
    pub owner: &'static str,
    pub starts: &'static str,
}

pub const CACHE_RULE: Measure = Measure {
    title: words(
        "個人の画面を共有キャッシュに保存しない要件を定め、リリース前に確認する",
        "State the requirement that no shared cache stores a personal page, and check it before each release",
    ),
    requirement: Some("NFR-CACHE-001"),
    owner: "operations",
    starts: "2023-11-02T18:00",
};

pub const MEASURES: [Measure; 4] = [
    Measure {
        title: words(
            "志願者の対象者リストを最終確定し、学校ごとに通知する",
            "Settle the list of applicants and tell each school",
        ),
        requirement: None,
        owner: "privacy",
        starts: "2023-11-13T09:00",
    },
    Measure {
        title: words(
            "学校管理者の対象者リストを最終確定し、学校ごとに通知する",
            "Settle the list of administrators and tell each school",
        ),
        requirement: None,
        owner: "privacy",
        starts: "2023-11-13T09:00",
    },
    Measure {
        title: words(
            "学校と連携し、対象の志願者に説明・謝罪文とお詫びの品（1,000円）を送付する",
            "Together with the schools, send the applicants concerned an explanation, an apology and a gift card of 1,000 yen",
        ),
        requirement: None,
        owner: "communications",
        starts: "2023-11-20T09:00",
    },
    Measure {
        title: words(
            "原因の究明と再発防止の技術検討を続ける",
            "Go on with the search for the cause and with technical prevention",
        ),
        requirement: None,
        owner: "operations",
        starts: "2023-11-09T09:00",
    },
];
