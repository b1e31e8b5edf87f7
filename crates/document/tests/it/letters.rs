//! Letters as poppler reads them, and what cannot be printed.

use document::{Fault, Language, Letter, Letters, LettersError, limits};

use crate::common::{assert_in_order, poppler, squeezed};
use crate::sample;

const BOTH: [Language; 2] = [Language::Ja, Language::En];

fn pages(pdf: &[u8]) -> Vec<String> {
    let text = poppler("pdftotext", &["-raw"], pdf);
    text.split_terminator('\u{C}').map(str::to_owned).collect()
}

/// Everything that stands in a letter, in the order in which it is printed.
fn texts(letter: &Letter) -> Vec<String> {
    let Letter { address, sender, date, reference, subject, paragraphs } = letter;
    let lines = std::iter::once(reference).chain(address).chain([date]).chain(sender).chain([subject]);
    lines.chain(paragraphs).cloned().collect()
}

/// The first letter of the sample, changed.
fn changed(language: Language, change: impl FnOnce(&mut Letter)) -> Letters {
    let mut letters = sample::letters(language, 1);
    change(&mut letters.letters[0]);
    letters
}

/// Longer than a page.
fn long(letter: &mut Letter, times: usize) {
    for _ in 0..times {
        letter.paragraphs.extend_from_within(1..7);
    }
}

#[test]
fn every_text_is_on_the_pages_in_order() {
    for language in BOTH {
        let letters = sample::letters(language, 3);
        let pdf = letters.pdf().unwrap();
        let pages = pages(&pdf.bytes);
        assert_eq!((pages.len(), pdf.pages), (3, 3), "a letter on a page");
        for (letter, page) in letters.letters.iter().zip(&pages) {
            assert_in_order(page, &texts(letter));
            // In short above the address, and in full.
            assert!(page.matches(&letter.sender[0]).count() >= 2, "{page}");
        }
        assert_eq!(pdf.missing, []);
    }
}

struct Word {
    /// Left, top, right and bottom, in millimetres.
    place: [f32; 4],
    text: String,
}

/// The words of a page with their places.
fn words(pdf: &[u8], page: usize) -> Vec<Word> {
    let page = page.to_string();
    let found = poppler("pdftotext", &["-bbox", "-f", &page, "-l", &page], pdf);
    let words = found.lines().filter_map(|line| line.trim().strip_prefix("<word "));
    let read = |line: &str| {
        let (places, text) = line.split_once('>').unwrap();
        let mut places = places.split('"').skip(1).step_by(2).map(|place| place.parse::<f32>().unwrap());
        let place = std::array::from_fn(|_| places.next().unwrap() / 72.0 * 25.4);
        Word { place, text: text.strip_suffix("</word>").unwrap().to_owned() }
    };
    words.map(read).collect()
}

fn assert_within(word: &Word, [left, top, right, bottom]: [f32; 4]) {
    let Word { place, text } = word;
    let inside = place[0] >= left && place[1] >= top && place[2] <= right && place[3] <= bottom;
    assert!(inside, "{text} at {place:?}");
}

#[test]
fn the_window_shows_the_address_and_nothing_else_does() {
    let full = |letter: &mut Letter| {
        letter.address = vec!["100-0000".to_owned(), "見本".repeat(9), "長".repeat(4 * 19)];
        letter.sender = vec!["差出人".repeat(10), "住所".repeat(11)];
    };
    let mut cases: Vec<_> = BOTH.map(|language| sample::letters(language, 1)).into();
    cases.push(changed(Language::Ja, full));
    for letters in cases {
        let pdf = letters.pdf().unwrap();
        // Left of the sender, above the subject.
        let (head, rest): (Vec<_>, Vec<_>) = words(&pdf.bytes, 1)
            .into_iter()
            .partition(|Word { place: [left, top, ..], .. }| *left < 120.0 && *top < 100.0);
        for word in &head {
            // The window of the standard.
            assert_within(word, [20.0, 45.0, 105.0, 90.0]);
            // And what of it is seen wherever the paper lies in a DL envelope, folded at 105 or at 99 mm.
            assert_within(word, [20.0, 50.0, 100.0, 84.0]);
        }
        let shown: String = head.iter().map(|word| word.text.as_str()).collect();
        let address = squeezed(&letters.letters[0].address.concat());
        let at = shown.find(&address).unwrap_or_else(|| panic!("{address} in {shown}"));
        assert!(shown[..at].ends_with(&squeezed(&letters.letters[0].reference)), "{shown}");
        assert_eq!(at + address.len(), shown.len(), "the address comes last: {shown}");
        // The address itself also in 長形3号 with the largest window of JIS S 5502.
        let mut before = 0;
        for word in &head {
            if before >= at {
                assert_within(word, [25.0, 59.5, 95.0, 84.0]);
            }
            before += word.text.len();
        }
        for word in rest {
            let [left, top, ..] = word.place;
            assert!(left >= 125.0 || top > 104.0, "{} at {left}, {top}", word.text);
            assert_within(&word, [25.0, 45.0, 190.5, 297.0 - 20.0]);
        }
    }
}

#[test]
fn a_letter_begins_on_a_page_and_on_a_sheet_of_its_own() {
    for language in BOTH {
        let mut letters = sample::letters(language, 4);
        long(&mut letters.letters[1], 3);
        long(&mut letters.letters[2], 1);
        let single = letters.pdf().unwrap();
        letters.duplex = true;
        let duplex = letters.pdf().unwrap();
        let owners = |pdf: &[u8]| -> Vec<Option<usize>> {
            let owner = |page: &String| {
                letters.letters.iter().position(|letter| page.contains(&letter.reference)).or_else(|| {
                    assert_eq!(page.trim(), "", "a page of nobody is empty");
                    None
                })
            };
            pages(pdf).iter().map(owner).collect()
        };
        let found = owners(&single.bytes);
        assert_eq!(found.len(), single.pages);
        assert!(found.is_sorted() && found.iter().all(Option::is_some), "{found:?}");
        let found = owners(&duplex.bytes);
        assert_eq!((found.len(), found.len() % 2), (duplex.pages, 0));
        for sheet in found.chunks(2) {
            assert!(sheet[0].is_some() && (sheet[1].is_none() || sheet[1] == sheet[0]), "{found:?}");
        }
        assert_eq!(found.iter().flatten().count(), single.pages);
    }
}

#[test]
fn pages_are_counted_within_a_letter_of_several() {
    let mut letters = sample::letters(Language::En, 3);
    long(&mut letters.letters[1], 5);
    let pdf = letters.pdf().unwrap();
    let pages = pages(&pdf.bytes);
    let [first, middle @ .., last] = &pages[..] else { panic!("{}", pages.len()) };
    assert!(middle.len() > 2, "{}", middle.len());
    for (index, page) in middle.iter().enumerate() {
        assert!(page.contains(&format!("{} / {}\n", index + 1, middle.len())), "{page}");
        // Sheets that fell down are put together again.
        assert!(page.contains(&letters.letters[1].reference), "{page}");
    }
    for page in [first, last] {
        assert!(!page.contains("1 / 1"), "{page}");
    }
    assert_in_order(
        &middle.concat().replace("INC-2023-001-N2 / 00002\n", ""),
        &letters.letters[1].paragraphs[..1],
    );
}

#[test]
fn blank_paragraphs_make_no_page() {
    let blank = |letter: &mut Letter| letter.paragraphs.extend(vec![" \n\u{200B}".to_owned(); 100]);
    assert_eq!(changed(Language::En, blank).pdf().unwrap().pages, 1);
    let ends = |letter: &mut Letter| letter.paragraphs.push("end\n".to_owned() + &"\n".repeat(500));
    assert_eq!(changed(Language::En, ends).pdf().unwrap().pages, 1);
}

#[test]
fn it_is_tagged_titled_and_says_nothing_of_a_person() {
    for (language, title) in [(Language::Ja, "通知書"), (Language::En, "Letters")] {
        let letters = sample::letters(language, 2);
        let pdf = letters.pdf().unwrap();
        let info = poppler("pdfinfo", &[], &pdf.bytes);
        for (key, value) in [("Title", title), ("Tagged", "yes"), ("Pages", "2")] {
            let line = info.lines().find_map(|line| line.strip_prefix(&format!("{key}:")));
            assert_eq!(line.map(str::trim), Some(value), "{info}");
        }
        let metadata = poppler("pdfinfo", &["-meta"], &pdf.bytes);
        let language = format!("<rdf:li>{}<", letters.language.tag());
        for mark in ["<pdfuaid:part>1<", "<pdfaid:part>2<", "<pdfaid:conformance>A<", &language] {
            assert!(metadata.contains(mark), "{mark} in {metadata}");
        }
        for letter in &letters.letters {
            let name = letter.paragraphs[0].trim_start_matches("Dear ").trim_end_matches(',');
            assert!(!metadata.contains(name) && !info.contains(name));
        }
    }
}

#[test]
fn readers_programs_find_each_letter() {
    let letters = sample::letters(Language::En, 2);
    let tree = poppler("pdfinfo", &["-struct-text"], &letters.pdf().unwrap().bytes);
    let [_, first, second] = tree.split("\n  Art\n").collect::<Vec<_>>()[..] else { panic!("{tree}") };
    for (letter, part) in letters.letters.iter().zip([first, second]) {
        let read: String = part.lines().map(|line| line.trim().trim_matches('"')).collect();
        assert_in_order(&read, &letter.address);
        assert!(part.contains(&format!("H1 \"{}\"", letter.subject)), "{part}");
        // Of the sender that stands twice, the short one above the address is an ornament.
        assert_eq!(squeezed(&read).matches(&squeezed(&letter.sender[1])).count(), 1, "{part}");
    }
}

#[test]
fn the_same_letters_have_the_same_bytes() {
    for language in BOTH {
        assert!(sample::letters(language, 3).pdf().unwrap() == sample::letters(language, 3).pdf().unwrap());
    }
}

#[test]
fn a_thousand_letters_are_written() {
    let mut letters = sample::letters(Language::Ja, 1_000);
    letters.duplex = true;
    let pdf = letters.pdf().unwrap();
    assert_eq!(pdf.pages, 2_000);
    assert!(pdf.bytes.len() < 10_000_000, "{}", pdf.bytes.len());
    let text = poppler("pdftotext", &["-raw", "-f", "1981"], &pdf.bytes);
    let pages: Vec<_> = text.split_terminator('\u{C}').collect();
    assert_eq!(pages.len(), 20);
    for (letter, page) in letters.letters[990..].iter().zip(pages.chunks(2)) {
        assert!(page[0].contains(&letter.reference) && page[0].contains(&letter.paragraphs[0]));
    }
    // How long it takes is the bench's to say: on a machine that others use, a test could not.
}

fn faults(letters: &Letters) -> Vec<(usize, Fault)> {
    let Err(LettersError::Letters(faults)) = letters.check() else { panic!("they could be printed") };
    assert!(letters.pdf() == Err(LettersError::Letters(faults.clone())));
    faults.into_iter().collect()
}

type Change = Box<dyn Fn(&mut Letter)>;

#[test]
fn each_fault_names_its_letter_and_nothing_of_what_it_says() {
    let lines = |count: usize, text: &str| vec![text.to_owned(); count];
    let changes: Vec<Change> = vec![
        Box::new(|_| {}),
        Box::new(|letter| letter.address = vec!["Secretname ".repeat(18)]),
        Box::new(|letter| letter.address[3] = "Secretname 𠮷田 様".to_owned()),
        Box::new(|letter| letter.address[3] = "Secretname 〓田 様".to_owned()),
        Box::new(|letter| letter.address[0] = "Secretname\u{7}".to_owned()),
        Box::new(|letter| letter.address[0] = "Secretname \u{E000}".to_owned()),
        Box::new(|letter| letter.address = vec![]),
        Box::new(|letter| letter.address = vec!["\u{200B} \u{200B}".to_owned(), " ".to_owned()]),
        Box::new(|letter| letter.address[1] = "Secretname".repeat(21)),
        Box::new(move |letter| letter.address = lines(7, "Secretname")),
        Box::new(|letter| letter.sender = vec![]),
        Box::new(|letter| letter.sender = vec!["Secretname ".repeat(15)]),
        Box::new(move |letter| letter.sender = lines(8, &"Secretname".repeat(8))),
        Box::new(|letter| letter.reference = "Secretname".repeat(10)),
        Box::new(|letter| letter.reference = "\n".to_owned()),
        Box::new(|letter| letter.date = String::new()),
        Box::new(|letter| letter.subject = "Secretname".repeat(21)),
        Box::new(|letter| letter.paragraphs = vec![" \n".to_owned()]),
        Box::new(|letter| letter.paragraphs = vec!["Secretname".to_owned(); limits::PARAGRAPHS + 1]),
        Box::new(|letter| letter.paragraphs = vec!["x".repeat(limits::LETTER)]),
        Box::new(|_| {}),
    ];
    let mut letters = sample::letters(Language::Ja, changes.len());
    changes.iter().zip(&mut letters.letters).for_each(|(change, letter)| change(letter));
    let error = letters.pdf().unwrap_err();
    assert!(!format!("{error:?}").contains("Secret"));
    insta::assert_snapshot!(error, @r"
letters[1].address: needs 9 lines in the window, which holds 6
letters[2].address: has a character that cannot be printed: it would not arrive
letters[3].address: has a character that cannot be printed: it would not arrive
letters[4].address: has a character that cannot be printed: it would not arrive
letters[5].address: has a character that cannot be printed: it would not arrive
letters[6].address: must not be empty
letters[7].address: must not be empty
letters[8].address[1]: 210 characters, of which there may be 200
letters[9].address: 7 lines, of which there may be 6
letters[10].sender: must not be empty
letters[11].sender[0]: is too long for the two small lines above the address
letters[12].sender: needs 24 lines, of which there are 12
letters[13].reference: is too long for the one small line above the address
letters[14].reference: must not be empty
letters[15].date: must not be empty
letters[16].subject: 210 characters, of which there may be 200
letters[17].paragraphs: must not be empty
letters[18].paragraphs: 201 paragraphs, of which there may be 200
letters[19].paragraphs: 20194 characters in the letter, of which there may be 20000
");
    assert_eq!(faults(&letters).len(), changes.len() - 2);
}

#[test]
fn the_others_can_be_printed_without_the_faulty_ones() {
    let mut letters = sample::letters(Language::En, 60);
    for letter in letters.letters.iter_mut().step_by(2) {
        letter.address.clear();
    }
    let found = faults(&letters);
    assert_eq!(found.len(), 30, "every one, so that they are put right at once");
    let said = letters.check().unwrap_err().to_string();
    assert!(said.ends_with("letters[38].address: must not be empty\nand 10 more"), "{said}");
    for (index, _) in found.into_iter().rev() {
        letters.letters.remove(index);
    }
    assert_eq!(letters.pdf().unwrap().pages, 30);
}

#[test]
fn what_the_font_lacks_in_the_text_is_told() {
    let lacking = |letter: &mut Letter| letter.paragraphs[0] = "𠮷田様 😀😀".to_owned();
    let pdf = changed(Language::Ja, lacking).pdf().unwrap();
    let missing: Vec<_> = pdf.missing.iter().map(|entry| (entry.text.as_str(), entry.count)).collect();
    assert_eq!(missing, [("😀", 2), ("𠮷", 1)]);
    // Not to the person who gets the letter.
    assert_eq!(pdf.pages, 1);
    let text = pages(&pdf.bytes).concat();
    assert!(text.contains("〓田様 〓〓") && !text.contains("U+"), "{text}");

    // A sender is counted once, though it stands there twice; a name in the basic form of a variant arrives.
    let variants = |letter: &mut Letter| {
        letter.sender[0] = "学校😀".to_owned();
        letter.address[3] = "神\u{E01EF}田 様".to_owned();
    };
    let pdf = changed(Language::Ja, variants).pdf().unwrap();
    let missing: Vec<_> = pdf.missing.iter().map(|entry| (entry.shown.as_str(), entry.count)).collect();
    assert_eq!(missing, [("神", 1), ("〓", 1)]);
}

#[test]
fn sizes_are_bounded() {
    let said = |letters: &Letters| match letters.pdf() {
        Err(LettersError::File(fault)) => fault.to_string(),
        _ => panic!("it was written"),
    };
    assert_eq!(said(&sample::letters(Language::En, 0)), "letters: must not be empty");
    let many = sample::letters(Language::En, limits::LETTERS + 1);
    assert_eq!(said(&many), "letters: 10001 letters, of which there may be 10000");
    let mut much = sample::letters(Language::En, 1_000);
    for letter in &mut much.letters {
        letter.paragraphs = vec!["x".repeat(limits::ALL_LETTERS / 1_000)];
    }
    assert!(said(&much).contains("characters in all, of which there may be 20000000"));
}

#[test]
fn nothing_of_a_letter_is_shown_for_debugging_or_kept() {
    // Does not compile if one of them has the trait: there are two ways then.
    trait Silent<A> {
        fn silent() -> bool {
            true
        }
    }
    struct Shown;
    struct Kept;
    impl<T> Silent<()> for T {}
    impl<T: std::fmt::Debug> Silent<Shown> for T {}
    impl<T: serde::Serialize> Silent<Kept> for T {}
    assert!(<Letter as Silent<_>>::silent() && <Letters as Silent<_>>::silent());

    let pdf = sample::letters(Language::En, 1).pdf().unwrap();
    assert_eq!(format!("{pdf:?}"), format!("Pdf {{ bytes: {}, pages: 1, missing: 0 }}", pdf.bytes.len()));
}
