//! The numbers of the story beside what they must be, compared by the program.

use super::super::output;

/// What was compared.
#[derive(Default)]
pub struct Score {
    /// With what the operator published.
    published: Vec<Row>,
    /// With what must hold whatever was published.
    demanded: Vec<Row>,
}

struct Row {
    label: &'static str,
    wanted: String,
    here: String,
}

impl Score {
    /// Compares what the story gave with what the founding report says, both as they are printed.
    pub fn compare(&mut self, label: &'static str, report: impl ToString, here: impl ToString) {
        self.published.push(Row { label, wanted: report.to_string(), here: here.to_string() });
    }

    /// Compares what the story gave with what must be.
    pub fn demand(&mut self, label: &'static str, must: impl ToString, here: impl ToString) {
        self.demanded.push(Row { label, wanted: must.to_string(), here: here.to_string() });
    }

    /// Prints both tables; whether all agree.
    pub fn tell(&self) -> bool {
        table(&self.published, "As the operator published it", "founding report");
        output::line("");
        table(&self.demanded, "As it must be in any case", "must be");
        self.published.iter().chain(&self.demanded).all(Row::agrees)
    }
}

impl Row {
    fn agrees(&self) -> bool {
        self.wanted == self.here
    }
}

/// Wide enough for every label and value, so that both tables stand in the same columns.
const WIDTHS: (usize, usize) = (46, 25);

fn table(rows: &[Row], title: &str, wanted: &str) {
    let line = |label: &str, wanted: &str, here: &str, verdict: &str| {
        let text = format!("  {label:<a$}  {wanted:<b$}  {here:<b$}  {verdict}", a = WIDTHS.0, b = WIDTHS.1);
        output::line(text.trim_end());
    };
    line(title, wanted, "this run", "");
    for row in rows {
        line(row.label, &row.wanted, &row.here, if row.agrees() { "ok" } else { "DIFFERS" });
    }
}
