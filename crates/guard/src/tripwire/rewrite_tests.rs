use std::io::{Read, Write};
use std::sync::Arc;

use flate2::read::GzDecoder as Reader;
use proptest::prelude::*;
use tokio::sync::Semaphore;

use super::*;
use crate::tripwire::place::MOST_HELD;

const IN: &[u8] = b"<IN>";

/// A page in pieces of these lengths, over and over.
fn pieces(page: &[u8], lengths: &[usize]) -> Vec<Bytes> {
    let (mut pieces, mut rest, mut lengths) = (Vec::new(), page, lengths.iter().cycle());
    while !rest.is_empty() {
        let length = lengths.next().copied().unwrap_or(1).clamp(1, rest.len());
        pieces.push(Bytes::copy_from_slice(&rest[..length]));
        rest = &rest[length..];
    }
    pieces
}

/// What leaves, and what was told; the most bytes that left at once.
fn run(mut rewriting: Rewriting, pieces: Vec<Bytes>) -> Result<(Vec<u8>, Vec<Outcome>, usize), Unreadable> {
    let (mut out, mut told, mut largest) = (Vec::new(), Vec::new(), 0);
    let mut take = |step: Step| {
        largest = largest.max(step.out.len());
        out.extend_from_slice(&step.out);
        told.extend(step.outcome);
        step.more
    };
    for piece in pieces {
        let mut more = take(rewriting.push(piece)?);
        while more {
            more = take(rewriting.push(Bytes::new())?);
        }
        if rewriting.holds() {
            take(Step { out: rewriting.flush(), outcome: None, more: false });
        }
    }
    take(rewriting.end()?);
    Ok((out, told, largest))
}

fn plain(page: &[u8], lengths: &[usize], whole_only: bool) -> (Vec<u8>, Vec<Outcome>) {
    let rewriting = Rewriting::new(Coding::Plain, Bytes::from_static(IN), whole_only);
    let (out, told, _) = run(rewriting, pieces(page, lengths)).unwrap();
    (out, told)
}

fn rewritten(page: &str) -> String {
    String::from_utf8(plain(page.as_bytes(), &[page.len().max(1)], false).0).unwrap()
}

fn gzip(page: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(page).unwrap();
    encoder.finish().unwrap()
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut page = Vec::new();
    Reader::new(bytes).read_to_end(&mut page).unwrap();
    page
}

fn permit() -> OwnedSemaphorePermit {
    Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap()
}

#[test]
fn before_anything_that_is_seen() {
    for (page, wanted) in [
        ("<!doctype html><html><head><title>A</title>", "<!doctype html><html><head><IN><title>A</title>"),
        (
            "<!DOCTYPE html>\n<HTML lang=ja>\n<HEAD >\n<meta charset=utf-8>",
            "<!DOCTYPE html>\n<HTML lang=ja>\n<HEAD ><IN>\n<meta charset=utf-8>",
        ),
        ("<!-- <head> --><head data-x='>'>A", "<!-- <head> --><head data-x='>'><IN>A"),
        ("<!--><body>", "<!--><IN><body>"),
        // No head.
        ("<html><body>A", "<html><IN><body>A"),
        ("<title>A</title>", "<IN><title>A</title>"),
        ("<!doctype html><p>A", "<!doctype html><IN><p>A"),
        ("<frameset><frame>", "<IN><frameset><frame>"),
        ("<script>1</script>", "<IN><script>1</script>"),
        ("<svg><head/></svg>", "<IN><svg><head/></svg>"),
        // A text opens a body.
        ("A", "<IN>A"),
        ("\n\t A<head>", "\n\t <IN>A<head>"),
        ("<html> A", "<html> <IN>A"),
        ("a < b", "<IN>a < b"),
        ("&#65;", "<IN>&#65;"),
        // What browsers take for comments, and ends of what was never begun.
        ("<?xml version='1.0'?><html><head>", "<?xml version='1.0'?><html><head><IN>"),
        ("</head><p>A", "</head><IN><p>A"),
        // A byte order mark stays first.
        ("\u{feff}<p>A", "\u{feff}<IN><p>A"),
        ("\u{feff}A", "\u{feff}<IN>A"),
        ("あ", "<IN>あ"),
    ] {
        assert_eq!(rewritten(page), wanted);
    }
}

#[test]
fn what_shows_nothing_stays_as_it_is() {
    for page in ["", " \n", "<!doctype html>", "<html>", "<!-- A -->", "\u{feff}", "<html><!--"] {
        let (out, told) = plain(page.as_bytes(), &[1], false);
        assert_eq!((out.as_slice(), told.as_slice()), (page.as_bytes(), &[Outcome::Empty][..]), "{page:?}");
    }
}

#[test]
fn other_encodings_stay_as_they_are() {
    let utf16 = |mark: &[u8], little: bool| {
        let units = "<html><head>あ".encode_utf16();
        let bytes = units.flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() });
        [mark, &bytes.collect::<Vec<u8>>()].concat()
    };
    let pages = [
        utf16(b"\xff\xfe", true),
        utf16(b"\xfe\xff", false),
        utf16(b"", true),
        utf16(b"", false),
        b"\xff\xfe".to_vec(),
        b"<!-- \x1b$B$\"\x1b(B --><head>".to_vec(),
        b"\x1b$B$\"\x1b(B".to_vec(),
    ];
    for page in pages {
        for length in [1, 2, 3, 1000] {
            let (out, told) = plain(&page, &[length], false);
            assert_eq!((&out, told.as_slice()), (&page, &[Outcome::Unmarked(Why::Encoding)][..]));
        }
    }
    // One that is itself, and its text in none of ours: bytes beyond ASCII, of which some look like letters.
    for page in ["<html><head><title>表示</title>", "表示<p>", "<!-- 能 --><p>ソ"] {
        for encoding in [encoding_rs::SHIFT_JIS, encoding_rs::EUC_JP] {
            let (page, ..) = encoding.encode(page);
            let (out, told) = plain(&page, &[1], false);
            assert_eq!(told, [Outcome::Marked]);
            let (text, _, broken) = encoding.decode(&out);
            assert!(!broken && text.contains("<IN>"), "{text}");
        }
    }
}

#[test]
fn no_more_is_held_back_than_a_part() {
    for filler in [
        " ".repeat(MOST_HELD),
        format!("<!--{}-->", "a".repeat(MOST_HELD)),
        format!("<html a='{}'>", "a".repeat(MOST_HELD)),
    ] {
        let page = format!("{filler}<head>A");
        for length in [1_000, MOST_HELD, 1_000_000] {
            let (out, told) = plain(page.as_bytes(), &[length], false);
            assert_eq!(
                (out == page.as_bytes(), told.as_slice()),
                (true, &[Outcome::Unmarked(Why::TooFar)][..])
            );
        }
        // It left when the limit was reached, not at the end.
        let mut rewriting = Rewriting::new(Coding::Plain, Bytes::from_static(IN), false);
        let step = rewriting.push(Bytes::copy_from_slice(&page.as_bytes()[..MOST_HELD])).unwrap();
        assert_eq!(step.out.len(), MOST_HELD);
    }
}

#[test]
fn pieces_of_pages_for_scripts_stay_as_they_are() {
    for page in ["<li>A</li>", "A", " <div><head>"] {
        let (out, told) = plain(page.as_bytes(), &[3], true);
        assert_eq!(
            (out.as_slice(), told.as_slice()),
            (page.as_bytes(), &[Outcome::Unmarked(Why::Fragment)][..])
        );
    }
    for page in ["<!doctype html>A", "<html><body>", "<head>A"] {
        assert_eq!(plain(page.as_bytes(), &[3], true).1, [Outcome::Marked], "{page}");
    }
}

#[test]
fn the_rest_is_not_held_back() {
    let mut rewriting = Rewriting::new(Coding::Plain, Bytes::from_static(IN), false);
    assert_eq!(rewriting.push(Bytes::from_static(b"<html>")).unwrap().out, "");
    assert_eq!(rewriting.push(Bytes::from_static(b"<head>AB")).unwrap().out, "<html><head><IN>AB");
    assert_eq!(rewriting.push(Bytes::from_static(b"<title")).unwrap().out, "<title");
    assert_eq!(rewriting.push(Bytes::from_static(b"\xff\x00")).unwrap().out, &b"\xff\x00"[..]);

    // In gzip what has come can be had before the next piece comes.
    let coding = Coding::Gzip(Box::new(Gzip::new(Some(permit()))));
    let mut rewriting = Rewriting::new(coding, Bytes::from_static(IN), false);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(b"<head>first").unwrap();
    encoder.flush().unwrap();
    let mut out = rewriting.push(std::mem::take(encoder.get_mut()).into()).unwrap().out.to_vec();
    assert!(rewriting.holds());
    out.extend_from_slice(&rewriting.flush());
    let mut seen = [0; 15];
    Reader::new(&out[..]).read_exact(&mut seen).unwrap();
    assert_eq!(&seen, b"<head><IN>first");
    assert!(!rewriting.holds());
}

#[test]
fn gzip_that_is_none_breaks_off() {
    let whole = gzip("<head>A".repeat(1000).as_bytes());
    let mut wrong_sum = whole.clone();
    let sum = wrong_sum.len() - 6;
    wrong_sum[sum] ^= 1;
    let mut wrong_middle = whole.clone();
    wrong_middle[20..40].fill(0xff);
    for broken in
        [b"<head>".to_vec(), whole[..whole.len() - 9].to_vec(), whole[..5].to_vec(), wrong_sum, wrong_middle]
    {
        for length in [1, 1000] {
            let coding = Coding::Gzip(Box::new(Gzip::new(Some(permit()))));
            let rewriting = Rewriting::new(coding, Bytes::from_static(IN), false);
            assert!(run(rewriting, pieces(&broken, &[length])).is_err());
        }
    }
    // What follows the end is left, as browsers do.
    let coding = Coding::Gzip(Box::new(Gzip::new(None)));
    let rewriting = Rewriting::new(coding, Bytes::from_static(IN), false);
    let (out, ..) = run(rewriting, pieces(&[&gzip(b"<head>A")[..], b"garbage"].concat(), &[7])).unwrap();
    assert_eq!(out, b"<head><IN>A");
}

#[test]
fn a_coding_without_a_body_has_none() {
    for permit in [None, Some(permit())] {
        let rewriting =
            Rewriting::new(Coding::Gzip(Box::new(Gzip::new(permit))), Bytes::from_static(IN), false);
        assert_eq!(run(rewriting, Vec::new()).unwrap().0, b"");
    }
}

/// A page that is a thousand times as long as it seems is given in pieces, not at once.
#[test]
fn a_bomb_does_not_fill_the_memory() {
    let bomb = gzip(&[b"<head>".to_vec(), vec![b'a'; 64 << 20]].concat());
    let rewriting = Rewriting::new(Coding::Gzip(Box::new(Gzip::new(None))), Bytes::from_static(IN), false);
    let (out, _, largest) = run(rewriting, vec![bomb.into()]).unwrap();
    assert_eq!(out.len(), IN.len() + 6 + (64 << 20));
    assert!(largest < 2 << 20, "{largest}");
}

/// Pages of what decides and what does not, in any order.
fn page() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        proptest::sample::select(vec![
            "<!doctype html>",
            "<html>",
            "<html lang='a>b'>",
            "<head>",
            "<head/>",
            "<body>",
            "<p class=a>",
            "</p>",
            "</head>",
            "<!--",
            "-->",
            "<!-- a -->",
            "<!-->",
            "<?xml?>",
            "<![CDATA[a]]>",
            " ",
            "\n",
            "\u{feff}",
            "A",
            "&amp;",
            "<",
            ">",
            "<h",
            "<title>",
            "</title>",
            "<script>",
            "</script>",
            "<textarea>",
            "<svg>",
            "<template>",
            "<noscript>",
            "<plaintext>",
            "\"",
            "'",
            "=",
            "あ",
            "</",
            "<!",
            "<3",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        proptest::collection::vec(any::<u8>(), 0..4),
    ];
    proptest::collection::vec(part, 0..14).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// A page without what was put into it is the page; and no way of cutting it into pieces makes a difference.
    #[test]
    fn nothing_changes_but_what_is_put_in(
        page in page(),
        lengths in proptest::collection::vec(1_usize..9, 1..6),
        whole_only in any::<bool>(),
    ) {
        let (whole, told) = plain(&page, &[page.len().max(1)], whole_only);
        prop_assert_eq!(plain(&page, &lengths, whole_only), (whole.clone(), told.clone()));
        prop_assert_eq!(told.len(), 1);
        if told == [Outcome::Marked] {
            prop_assert_eq!(whole.len(), page.len() + IN.len());
            let same = whole.iter().zip(&page).take_while(|(one, other)| one == other).count();
            // Where it begins like what follows, it may be found a little earlier.
            let fits = |at: usize| whole.get(at..at + IN.len()) == Some(IN) && whole[..at] == page[..at] && whole[at + IN.len()..] == page[at..];
            prop_assert!((0..=same).rev().any(fits));
        } else {
            prop_assert_eq!(whole, page);
        }
    }

    /// Gzip makes no difference.
    #[test]
    fn the_same_in_gzip(
        page in page(),
        repeated in 1_usize..200,
        lengths in proptest::collection::vec(1_usize..3000, 1..4),
        recoded in any::<bool>(),
    ) {
        let page = page.repeat(repeated);
        let (wanted, told) = plain(&page, &[page.len().max(1)], false);
        let coding = Coding::Gzip(Box::new(Gzip::new(recoded.then(permit))));
        let rewriting = Rewriting::new(coding, Bytes::from_static(IN), false);
        let (out, told_in_gzip, _) = run(rewriting, pieces(&gzip(&page), &lengths)).unwrap();
        prop_assert_eq!(if recoded { gunzip(&out) } else { out }, wanted);
        prop_assert_eq!(told_in_gzip, told);
    }

    /// Whatever comes as gzip, it ends.
    #[test]
    fn any_bytes_as_gzip(bytes in proptest::collection::vec(any::<u8>(), 0..200), head in any::<bool>(), length in 1_usize..50) {
        let bytes = if head { [&gzip(b"")[..10], &bytes].concat() } else { bytes };
        let rewriting = Rewriting::new(Coding::Gzip(Box::new(Gzip::new(Some(permit())))), Bytes::from_static(IN), false);
        let _ = run(rewriting, pieces(&bytes, &[length]));
    }
}
