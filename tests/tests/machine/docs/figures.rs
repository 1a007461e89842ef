//! Figures in the documents are those that are counted.

use super::pages::text;
use crate::bench::rows;

/// How much a figure may be away from what is counted now, in percent, before the table has to be made anew.
const TOLERANCE: f64 = 5.0;

/// The rows of the table under a heading of docs/bench.md: name, Guest's figure, native one.
fn table(heading: &str) -> Vec<(String, Option<f64>, Option<f64>)> {
    let page = text("docs/bench.md");
    let section =
        page.split("\n## ").find(|section| section.starts_with(heading)).expect("the section is there");
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    let figure = |cell: Option<&str>| cell?.trim().replace(',', "").parse().ok();
    let row = |row: &str| {
        let mut cells = row.split('|');
        let name = cells.next().expect("there is a first cell").trim().trim_matches('`').into();
        (name, figure(cells.next()), figure(cells.next()))
    };
    rows.map(row).collect()
}

/// `scripts/bench --update` writes the figures of the table.
#[test]
fn the_table_of_costs_has_what_a_run_counts() {
    let table = table("The rows");
    assert!(table.len() > 30, "{table:?}");
    for (name, guest, native) in table {
        let native_name = format!("native-{name}");
        for (name, shown) in [(&name, guest), (&native_name, native)] {
            let (Some(shown), counted) = (shown, rows().get(name)) else { continue };
            let counted = *counted.unwrap_or_else(|| panic!("docs/bench.md has a row {name} nobody counts"));
            let is_near = (shown - counted).abs() <= counted * TOLERANCE / 100.0 + 1.0;
            assert!(is_near, "{name} is {counted} now, not {shown}: scripts/bench --update");
        }
    }
}

/// The instructions between two lines of `switch.S` that begin so, the last one included.
fn instructions(first: &str, last: &str) -> usize {
    let source = text("switcher/src/switch.S");
    let code = source.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let from_first = code.skip_while(|line| !line.starts_with(first)).skip(1);
    let is_instruction = |line: &&str| !line.is_empty() && !line.starts_with('.') && !line.ends_with(':');
    let lines: Vec<_> = from_first.filter(is_instruction).collect();
    1 + lines.iter().position(|line| line.starts_with(last)).expect("the last one is there")
}

#[test]
fn the_switch_has_as_many_instructions_as_chapter_6_says() {
    let page = text("docs/tour/6-switcher.md");
    let parts = [
        ("| way in:", instructions("switcher_enter:", "iretd")),
        ("| stub:", 3),
        ("| way out:", instructions("switcher_leave:", "jnz")),
        ("| become Host:", instructions("switcher_become_host:", "ret")),
    ];
    let all = parts.iter().map(|part| part.1).sum();
    for (row, count) in parts.into_iter().chain([("| **round trip**", all)]) {
        let line = page.lines().find(|line| line.starts_with(row)).expect("the row is there");
        let shown = line.trim_end_matches('|').rsplit('|').next().expect("there is a last cell");
        assert_eq!(shown.trim().trim_matches('*'), count.to_string(), "{line}");
    }
}
