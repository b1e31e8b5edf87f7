//! What people tell on the day, in both languages: the team may speak either.

/// An applicant saw another's page.
pub const APPLICANT_SAW: &str = "志願者から、自分のマイページを開いたところ他の志願者のマイページが表示されたとの連絡があった。\n\
     An applicant opened the own page and saw that of another applicant.";

/// An administrator did.
pub const ADMIN_SAW: &str = "学校管理者から、自校の管理画面を開いたところ他校の管理画面が表示されたとの連絡があった。\n\
     An administrator opened the own school's pages and saw those of another school.";

/// Through whom it came.
pub const APPLICANT: &str = "志願者（志願先の学校を通じて） / an applicant, through the school";

/// As above.
pub const ADMIN: &str = "学校管理者 / an administrator of a school";
