//! Lines: where a text is broken, and what stands on a line.

use std::ops::Range;

use super::page::{Placed, Run};
use super::shape::{Atom, Ends, Shaped};
use super::tree::NodeId;

/// Atoms of a line.
#[derive(Clone, Debug)]
pub struct Line {
    pub atoms: Range<usize>,
    /// Without the white space at its end.
    pub width: f32,
    /// The last of its paragraph, or followed by a line end of the text: it is not stretched.
    pub last: bool,
}

/// Breaks a text into lines of a width, each as full as it can be. A word that is wider than a line is broken anywhere.
pub fn break_lines(shaped: &Shaped, width: f32) -> Vec<Line> {
    let atoms = &shaped.atoms;
    let mut lines = Vec::new();
    let mut start = 0;
    while start < atoms.len() {
        let mut used = 0.0;
        let mut break_at = None;
        let mut end = start;
        let mut last = true;
        while let Some(atom) = atoms.get(end) {
            // Half a thousandth of a point of rounding must not break a line.
            if !atom.space && used + atom.width > width + 0.0005 && end > start {
                end = break_at.unwrap_or(end);
                last = false;
                break;
            }
            used += atom.width;
            end += 1;
            match atom.ends {
                Ends::Must => break,
                Ends::May => break_at = Some(end),
                Ends::No => {}
            }
        }
        let mut visible = end;
        while visible > start && atoms[visible - 1].space {
            visible -= 1;
        }
        let width = atoms[start..visible].iter().map(|atom| atom.width).sum();
        lines.push(Line { atoms: start..end, width, last });
        start = end;
    }
    lines
}

/// The points that are added at each gap between characters of Japanese so that a line reaches its end, where that is not much.
pub fn stretch(shaped: &Shaped, line: &Line, width: f32) -> f32 {
    let slack = width - line.width;
    let atoms = &shaped.atoms[line.atoms.clone()];
    let size = atoms.first().map_or(0.0, |atom| shaped.styles[usize::from(atom.style)].size);
    let gaps = gaps(shaped, line);
    // At most two characters over the line, and a twelfth of one at each gap: more would be seen.
    if line.last || slack <= 0.0 || slack > size * 2.0 || gaps == 0 || slack / gaps as f32 > size / 12.0 {
        return 0.0;
    }
    slack / gaps as f32
}

/// Gaps between visible atoms, one of which at least is Japanese.
fn gaps(shaped: &Shaped, line: &Line) -> usize {
    let atoms = &shaped.atoms[line.atoms.clone()];
    let visible = atoms.len() - atoms.iter().rev().take_while(|atom| atom.space).count();
    atoms[..visible].windows(2).filter(|pair| stretches(&pair[0], &pair[1])).count()
}

fn stretches(left: &Atom, right: &Atom) -> bool {
    (left.wide || right.wide) && !left.space && !right.space
}

/// The runs of a line: one for each style, with their part of the document by the index of the style.
pub fn runs(
    shaped: &Shaped,
    line: &Line,
    left: f32,
    baseline: f32,
    gap: f32,
    node: impl Fn(u16) -> Option<NodeId>,
) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut current = None;
    let mut at = left;
    let atoms = &shaped.atoms[line.atoms.clone()];
    for (index, atom) in atoms.iter().enumerate() {
        let text = &shaped.text[atom.text.start as usize..atom.text.end as usize];
        if text == "\n" {
            continue;
        }
        let style = shaped.styles[usize::from(atom.style)];
        if current != Some(atom.style) {
            current = Some(atom.style);
            let (text, glyphs) = (String::new(), Vec::new());
            runs.push(Run { left: at, baseline, width: 0.0, style, text, glyphs, node: node(atom.style) });
        }
        let Some(run) = runs.last_mut() else { continue };
        run.text.push_str(text);
        for glyph in &shaped.glyphs[atom.glyphs.start as usize..atom.glyphs.end as usize] {
            run.glyphs.push(Placed { id: glyph.id, advance: glyph.advance, length: glyph.length });
        }
        let widened = gap > 0.0 && atoms.get(index + 1).is_some_and(|next| stretches(atom, next));
        let width = atom.width + if widened { gap } else { 0.0 };
        if widened && let Some(glyph) = run.glyphs.last_mut() {
            glyph.advance += gap / style.size;
        }
        run.width += width;
        at += width;
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::super::face::Face;
    use super::super::page::{Ink, Style};
    use super::super::shape::MissingMap;
    use super::*;

    fn broken(text: &str, width: f32) -> Vec<String> {
        let face = Face::embedded().unwrap();
        let mut shaped = Shaped::default();
        shaped.push(&face, &mut MissingMap::new(), text, Style::new(10.0, Ink::Text));
        let shaped = shaped.finish();
        let text_of = |line: &Line| {
            let atoms = &shaped.atoms[line.atoms.clone()];
            atoms.iter().map(|atom| &shaped.text[atom.text.start as usize..atom.text.end as usize]).collect()
        };
        break_lines(&shaped, width).iter().map(text_of).collect()
    }

    #[test]
    fn no_line_begins_with_what_must_not_begin_one() {
        // Ideographs are 10 points wide here and brackets 5: 41 hold four.
        assert_eq!(broken("漢字漢字。漢字", 41.0), ["漢字漢", "字。漢字"]);
        assert_eq!(broken("漢字漢字」漢字", 41.0), ["漢字漢", "字」漢字"]);
        assert_eq!(broken("漢字漢「字漢字」", 41.0), ["漢字漢", "「字漢字」"]);
        assert_eq!(broken("漢字漢字ャ漢", 41.0), ["漢字漢", "字ャ漢"]);
        assert_eq!(broken("漢字漢字ー漢", 41.0), ["漢字漢", "字ー漢"]);
        assert_eq!(broken("漢字漢……漢", 45.0), ["漢字", "漢……漢"]);
    }

    #[test]
    fn words_stay_whole_unless_they_are_wider_than_a_line() {
        assert_eq!(broken("one two three", 50.0), ["one two ", "three"]);
        assert_eq!(broken("あab", 20.0), ["あ", "ab"]);
        assert_eq!(broken("wwwwwwww", 30.0).concat(), "wwwwwwww");
        assert!(broken("wwwwwwww", 30.0).len() > 2);
        assert_eq!(broken("a\nb\n", 40.0), ["a\n", "b\n"]);
        assert_eq!(broken("", 40.0), [""; 0]);
    }
}
