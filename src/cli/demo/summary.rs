//! The numbers of the story beside those of the founding report, compared by the program.

use super::super::output;

/// What was compared.
#[derive(Default)]
pub struct Score {
    rows: Vec<Row>,
}

struct Row {
    label: &'static str,
    report: String,
    here: String,
}

impl Score {
    /// Compares what the story gave with what the founding report says, as it is printed.
    pub fn compare(&mut self, label: &'static str, report: impl ToString, here: impl ToString) {
        self.rows.push(Row { label, report: report.to_string(), here: here.to_string() });
    }

    /// Prints the table; whether all agree.
    pub fn tell(&self) -> bool {
        let cells = |row: &Row| [row.label.to_owned(), row.report.clone(), row.here.clone()];
        let head = ["".to_owned(), "founding report".to_owned(), "this run".to_owned()];
        let width = |column: usize| {
            let rows = self.rows.iter().map(|row| cells(row)[column].chars().count());
            rows.chain([head[column].chars().count()]).max().unwrap_or(0)
        };
        let widths = [width(0), width(1), width(2)];
        let line = |cells: &[String; 3], verdict: &str| {
            output::line(&format!(
                "  {:<a$}  {:>b$}  {:>c$}  {verdict}",
                cells[0],
                cells[1],
                cells[2],
                a = widths[0],
                b = widths[1],
                c = widths[2]
            ));
        };
        line(&head, "");
        let mut sound = true;
        for row in &self.rows {
            let agrees = row.report == row.here;
            sound &= agrees;
            line(&cells(row), if agrees { "ok" } else { "DIFFERS" });
        }
        sound
    }
}
