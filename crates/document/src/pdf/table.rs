//! Tables: a header that is repeated on each page, rows that go on over pages.

use std::borrow::Cow;

use super::flow::{Flow, Setting, Text};
use super::lines::{Line, break_lines};
use super::page::{BOTTOM, Ground, Ink, Layer, MEASURE, SIDE, Style, TOP};
use super::tree::{Kind, NodeId};
use crate::model::{Align, Field, Meta, Table};
use crate::rich::Rich;

/// Size of the text in cells.
const SIZE: f32 = 9.5;
/// Room between a cell's border and its text.
const PAD: f32 = 5.0;
/// Above and below.
const PAD_Y: f32 = 3.0;
/// The narrowest column: two characters. Twelve of them fit.
const NARROWEST: f32 = 30.0;
/// Width of borders.
const RULE: f32 = 0.6;

struct ColumnSet {
    left: f32,
    width: f32,
    align: Align,
}

struct Cell {
    text: Text,
    lines: Vec<Line>,
    node: NodeId,
    /// Lines that already stand on a page.
    done: usize,
    ground: Option<Ink>,
}

/// A table as it is laid out.
struct Grid {
    columns: Vec<ColumnSet>,
    /// Only the header was drawn so far.
    headed: bool,
    /// The header, where it is repeated.
    head: Option<Vec<Cell>>,
    /// Whether a row already stands above on this page.
    open: bool,
}

impl Flow<'_> {
    pub(super) fn table(&mut self, table: &Table) {
        let node = self.tree.add(Kind::Table, None);
        self.gap(6.0);
        if let Some(caption) = &table.caption {
            self.caption(caption, node);
        }
        let headers: Vec<_> = table.columns.iter().map(|column| column.header.as_str()).collect();
        let widths: Vec<_> = table.columns.iter().map(|column| column.width).collect();
        let aligns: Vec<_> = table.columns.iter().map(|column| column.align).collect();
        let mut grid = self.grid(node, &widths, &aligns, Some(&headers));
        let body = self.tree.add(Kind::Body, Some(node));
        let named = table.row_headers.then_some(0);
        for row in &table.rows {
            self.row(&mut grid, body, row.iter().map(Cow::Borrowed), named);
        }
        if table.rows.is_empty() {
            self.no_rows(&mut grid, body);
        }
        self.y += 12.0;
    }

    pub(super) fn fields(&mut self, fields: &[Field]) {
        let node = self.tree.add(Kind::Table, None);
        self.gap(6.0);
        let headers = self.language.field_headers();
        let mut grid = self.grid(node, &[9, 29, 62], &[Align::Start; 3], Some(&headers));
        let body = self.tree.add(Kind::Body, Some(node));
        for Field { number, label, value } in fields {
            let cells = [number.as_str().into(), label.as_str().into(), value.to_rich()];
            self.row(&mut grid, body, cells.into_iter().map(Cow::Owned), Some(1));
        }
        if fields.is_empty() {
            self.no_rows(&mut grid, body);
        }
        self.y += 12.0;
    }

    /// What identifies the document.
    pub(super) fn meta(&mut self, meta: &Meta) {
        let node = self.tree.add(Kind::Table, None);
        let mut grid = self.grid(node, &[28, 72], &[Align::Start; 2], None);
        let body = self.tree.add(Kind::Body, Some(node));
        for (label, value) in self.language.meta(meta) {
            let cells = [label.into(), value.as_ref().into()];
            self.row(&mut grid, body, cells.into_iter().map(Cow::Owned), Some(0));
        }
        self.y += 12.0;
    }

    fn caption(&mut self, words: &str, table: NodeId) {
        let node = self.tree.add(Kind::Caption, Some(table));
        let shaped = self.shape_plain(words, Style::new(SIZE + 0.5, Ink::Text).strong());
        let leading = self.leading(SIZE);
        let set = Setting { left: SIDE, width: MEASURE, leading, size: SIZE + 0.5, justify: false };
        let lines = break_lines(&shaped, MEASURE);
        // With the header and some of the first row.
        self.ensure((lines.len() as f32 + 5.0) * leading);
        for line in lines {
            let top = self.y;
            self.line(&shaped, &line, SIDE, top, set, |_| Some(node));
            self.y += leading;
        }
        self.y += 2.0;
    }

    fn grid(&mut self, node: NodeId, widths: &[u16], aligns: &[Align], headers: Option<&[&str]>) -> Grid {
        let mut columns = Vec::with_capacity(widths.len());
        let mut left = SIDE;
        for (width, align) in shares(widths).into_iter().zip(aligns) {
            columns.push(ColumnSet { left, width, align: *align });
            left += width;
        }
        let mut grid = Grid { columns, head: None, open: false, headed: false };
        let Some(headers) = headers else { return grid };
        let group = self.tree.add(Kind::Head, Some(node));
        let row = self.tree.add(Kind::Row, Some(group));
        let mut cells = Vec::with_capacity(headers.len());
        for (column, header) in grid.columns.iter().zip(headers) {
            let node = self.tree.add(Kind::ColumnHeader, Some(row));
            cells.push(self.cell(
                &(*header).into(),
                Style::new(SIZE, Ink::Text).strong(),
                node,
                column.width,
                Some(Ink::Head),
            ));
        }
        // With two lines of the first row.
        let lines = cells.iter().map(|cell| cell.lines.len()).max().unwrap_or(0) as f32;
        self.ensure((lines + 2.0) * self.leading(SIZE) + 4.0 * PAD_Y);
        self.place(&mut grid, &mut cells);
        grid.headed = true;
        // A header of a third of the page would leave no room for what it heads.
        if lines * self.leading(SIZE) < (BOTTOM - TOP) / 3.0 {
            grid.head = Some(cells);
        }
        grid
    }

    fn cell(&mut self, rich: &Rich, style: Style, node: NodeId, width: f32, ground: Option<Ink>) -> Cell {
        let text = self.shape(rich, style, node);
        let lines = break_lines(&text.shaped, width - 2.0 * PAD);
        Cell { text, lines, node, done: 0, ground }
    }

    fn row<'r>(
        &mut self,
        grid: &mut Grid,
        body: NodeId,
        cells: impl Iterator<Item = Cow<'r, Rich>>,
        named: Option<usize>,
    ) {
        let row = self.tree.add(Kind::Row, Some(body));
        let mut placed = Vec::with_capacity(grid.columns.len());
        for (index, (rich, column)) in cells.zip(&grid.columns).enumerate() {
            let name = named == Some(index);
            let kind = if name { Kind::RowHeader } else { Kind::Cell { columns: 1 } };
            let node = self.tree.add(kind, Some(row));
            let ground = name.then_some(Ink::RowHead);
            placed.push(self.cell(&rich, Style::new(SIZE, Ink::Text), node, column.width, ground));
        }
        self.place(grid, &mut placed);
    }

    /// One cell over all columns.
    fn no_rows(&mut self, grid: &mut Grid, body: NodeId) {
        let row = self.tree.add(Kind::Row, Some(body));
        let columns = u32::try_from(grid.columns.len()).unwrap_or(1);
        let node = self.tree.add(Kind::Cell { columns }, Some(row));
        let cell =
            self.cell(&self.language.no_rows().into(), Style::new(SIZE, Ink::Quiet), node, MEASURE, None);
        let columns = vec![ColumnSet { left: SIDE, width: MEASURE, align: Align::Start }];
        let mut whole = Grid { columns, head: None, open: grid.open, headed: grid.headed };
        self.place(&mut whole, &mut [cell]);
    }

    /// Puts a row on the page, and on as many further ones as it needs.
    fn place(&mut self, grid: &mut Grid, cells: &mut [Cell]) {
        let leading = self.leading(SIZE);
        let room_below = |y: f32| ((BOTTOM - y - 2.0 * PAD_Y) / leading + 0.01).max(0.0) as usize;
        let half = room_below(TOP) / 2;
        loop {
            let rest = cells.iter().map(|cell| cell.lines.len() - cell.done).max().unwrap_or(0).max(1);
            let room = room_below(self.y);
            let begun = cells.iter().any(|cell| cell.done > 0);
            if rest <= room {
                self.fragment(grid, cells, rest);
                return;
            }
            // Rows of less than half a page stay whole, unless the header would stand alone then; longer ones are torn, but never after a
            // single line.
            if grid.open && (room < 2 || (!begun && rest <= half && !grid.headed)) {
                self.continue_table(grid);
                continue;
            }
            if self.y > TOP && room < 2 {
                self.continue_table(grid);
                continue;
            }
            let take = if rest - room == 1 && room > 2 { room - 1 } else { room.max(1) };
            self.fragment(grid, cells, take);
            self.continue_table(grid);
        }
    }

    fn continue_table(&mut self, grid: &mut Grid) {
        self.new_page();
        grid.open = false;
        if let Some(mut head) = grid.head.take() {
            for cell in &mut head {
                cell.done = 0;
            }
            let lines = head.iter().map(|cell| cell.lines.len()).max().unwrap_or(0);
            self.draw(grid, &mut head, lines, true);
            grid.head = Some(head);
            // The header alone is no row that could stay above the next one.
            grid.open = false;
        }
        grid.headed = false;
    }

    fn fragment(&mut self, grid: &mut Grid, cells: &mut [Cell], lines: usize) {
        self.draw(grid, cells, lines, false);
        grid.open = true;
        grid.headed = false;
    }

    /// Draws some lines of a row. A header that is repeated is an ornament: readers' programs know it already.
    fn draw(&mut self, grid: &Grid, cells: &mut [Cell], lines: usize, repeated: bool) {
        let leading = self.leading(SIZE);
        let top = self.y;
        let height = lines as f32 * leading + 2.0 * PAD_Y;
        for (cell, column) in cells.iter_mut().zip(&grid.columns) {
            let ColumnSet { left, width, align } = *column;
            if let Some(ink) = cell.ground {
                self.page().grounds.push(Ground { layer: Layer::Ground, left, top, width, height, ink });
            }
            let set = Setting { left, width: width - 2.0 * PAD, leading, size: SIZE, justify: false };
            let end = (cell.done + lines).min(cell.lines.len());
            let part = |style: u16| match repeated {
                true => None,
                false => cell.text.nodes.get(usize::from(style)).copied(),
            };
            for (index, line) in cell.lines[cell.done..end].iter().enumerate() {
                let left = match align {
                    Align::Start => left + PAD,
                    Align::End => left + width - PAD - line.width,
                };
                self.line(&cell.text.shaped, line, left, top + PAD_Y + index as f32 * leading, set, part);
            }
            if cell.lines.is_empty() && cell.done == 0 {
                // A cell must be there for readers' programs even if nothing is in it.
                let blank = self.shape_plain(" ", Style::new(SIZE, Ink::Text));
                let node = cell.node;
                for line in break_lines(&blank, width) {
                    self.line(&blank, &line, left + PAD, top + PAD_Y, set, |_| Some(node));
                }
                cell.lines.push(Line { atoms: 0..0, width: 0.0, last: true });
            }
            cell.done = end.max(1).min(cell.lines.len());
            self.rule(left, top, RULE, height, Ink::Line);
        }
        self.rule(SIDE + MEASURE - RULE, top, RULE, height, Ink::Line);
        if !grid.open {
            self.rule(SIDE, top, MEASURE, RULE, Ink::Line);
        }
        self.rule(SIDE, top + height - RULE, MEASURE, RULE, Ink::Line);
        self.y += height;
    }
}

/// Widths of columns by their shares, none too narrow to be read.
fn shares(widths: &[u16]) -> Vec<f32> {
    let mut narrow = vec![false; widths.len()];
    loop {
        let fixed = narrow.iter().filter(|narrow| **narrow).count() as f32 * NARROWEST;
        let sum: f32 = widths
            .iter()
            .zip(&narrow)
            .filter(|(_, narrow)| !**narrow)
            .map(|(width, _)| f32::from(*width))
            .sum();
        let share = |index: usize| match narrow[index] {
            true => NARROWEST,
            false => (MEASURE - fixed) * f32::from(widths[index]) / sum.max(1.0),
        };
        let shares: Vec<f32> = (0..widths.len()).map(share).collect();
        match shares.iter().position(|width| *width < NARROWEST - 0.01) {
            Some(index) => narrow[index] = true,
            None => return shares,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_fill_the_measure_and_none_is_too_narrow() {
        for widths in
            [&[1_u16, 1][..], &[1, 60_000], &[65_535, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], &[5; 12], &[1]]
        {
            let shares = shares(widths);
            assert!((shares.iter().sum::<f32>() - MEASURE).abs() < 0.1, "{widths:?} {shares:?}");
            assert!(shares.iter().all(|width| *width >= NARROWEST - 0.1), "{widths:?} {shares:?}");
        }
    }
}
