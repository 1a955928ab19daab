//! The table as people read it. It rounds for the eye only: verdicts were made from the figures.

use crate::{
    report::Report,
    row::{Row, Target, Unit},
    statistics::{SCATTER_MAX, Spread, median},
};

const HEAD: [&str; 6] = [
    "figure",
    "ours: median (min–max)",
    "floor: median (min–max)",
    "ratio",
    "target",
    "verdict",
];

/// The header, the table, and what the rows include.
#[must_use]
pub fn table(report: &Report) -> String {
    let mut lines = vec![HEAD.map(str::to_owned)];
    lines.extend(report.rows.iter().map(|told| cells(&told.row)));
    let widths: Vec<usize> = (0..HEAD.len())
        .map(|at| {
            let widths = lines.iter().map(|cells| cells[at].chars().count());
            widths.max().unwrap_or(0)
        })
        .collect();
    let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    let mut text = header(report) + "\n";
    for (number, cells) in lines.iter().enumerate() {
        text += &line(cells, &widths);
        if number == 0 {
            text += &line(&rule, &widths);
        }
    }
    text + &footnotes(report)
}

fn line(cells: &[String], widths: &[usize]) -> String {
    let mut text = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        text += &format!("| {cell:<width$} ");
    }
    text + "|\n"
}

fn header(report: &Report) -> String {
    let Report {
        machine, versions, ..
    } = report;
    let libraries = versions.libraries.iter();
    let libraries: Vec<String> = libraries.map(|(name, at)| format!("{name} {at}")).collect();
    format!(
        "{}\n\nderiva {} ({}), {}, {}.\n{}, {} cores, {:.1} GiB, Linux {}; load {:.2} before, {:.2} after. {} pairs a row; \
         a row is invalid when the interquartile range of its ratios is over {:.0} % of their median.\n",
        report.statement,
        versions.deriva,
        versions.commit,
        versions.rustc,
        libraries.join(", "),
        machine.cpu,
        machine.cores,
        machine.memory_bytes as f64 / f64::from(1 << 30),
        machine.kernel,
        report.load_before,
        report.load_after,
        report.runs,
        SCATTER_MAX * 100.0,
    )
}

fn cells(row: &Row) -> [String; 6] {
    let targets: Vec<String> = row
        .targets
        .iter()
        .map(|one| target(*one, row.unit))
        .collect();
    [
        row.figure.clone(),
        spread(row.ours(), row.unit),
        spread(row.floor_spread(), row.unit),
        format!("{:.2}", median(&row.ratios())),
        targets.join(", "),
        row.verdict().to_string(),
    ]
}

fn spread(spread: Spread, unit: Unit) -> String {
    let one = |figure| amount(figure, unit);
    let Spread { min, median, max } = spread;
    format!("{} ({}–{})", one(median), one(min), one(max))
}

fn target(target: Target, unit: Unit) -> String {
    match target {
        Target::AtMost(most) => format!("≤ {}", amount(most, unit)),
        Target::AtLeast(least) => format!("≥ {}", amount(least, unit)),
        Target::RatioAtMost(most) => format!("ratio ≤ {most}"),
        Target::RatioAtLeast(least) => format!("ratio ≥ {least}"),
    }
}

/// A figure with its unit, in three or four digits.
#[must_use]
pub fn amount(figure: f64, unit: Unit) -> String {
    let steps: &[(f64, &str)] = match unit {
        Unit::Seconds => &[(1.0, " s"), (1e-3, " ms"), (1e-6, " µs"), (1e-9, " ns")],
        Unit::PerSecond(_) => &[(1e9, " G"), (1e6, " M"), (1e3, " k"), (1.0, " ")],
        Unit::Bytes => &[
            (1_073_741_824.0, " GiB"),
            (1_048_576.0, " MiB"),
            (1024.0, " KiB"),
            (1.0, " B"),
        ],
        Unit::Times => &[(1.0, "")],
    };
    let fits = steps.iter().find(|(step, _)| figure.abs() >= *step);
    let (step, name) = fits.or(steps.last()).copied().unwrap_or((1.0, ""));
    let what = match unit {
        Unit::PerSecond(what) => format!("{what}/s"),
        _ => String::new(),
    };
    let scaled = figure / step;
    let digits = match scaled.abs() {
        large if large >= 100.0 => 0,
        middle if middle >= 10.0 => 1,
        _ => 2,
    };
    format!("{scaled:.digits$}{name}{what}")
}

fn footnotes(report: &Report) -> String {
    let mut text = String::new();
    for told in &report.rows {
        let row = &told.row;
        text += &format!(
            "\n- **{}.** {}\n  Floor: {}. {} workers, values of {} bytes; scatter {:.1} %, load {:.2}.\n",
            row.figure,
            row.includes,
            row.floor,
            row.workers,
            row.value_bytes,
            row.scatter() * 100.0,
            told.load,
        );
        for note in &row.notes {
            text += &format!("  {note}\n");
        }
    }
    for failed in &report.failures {
        text += &format!("\n- **NOT MEASURED: {}.** {}\n", failed.name, failed.why);
    }
    text
}

#[cfg(test)]
#[path = "table_test.rs"]
mod table_test;
