use std::collections::BTreeSet;

use super::*;

fn options(command: &clap::Command) -> BTreeSet<String> {
    command.get_arguments().filter_map(|option| option.get_long()).map(|name| format!("--{name}")).collect()
}

/// The options at the beginning of the help's lines.
fn explained(script: &str) -> BTreeSet<String> {
    let text = help(script);
    let lines = text.lines().filter_map(|line| line.strip_prefix("  -"));
    lines
        .filter_map(|line| line.split([' ', ',']).find(|word| word.starts_with('-') && word.len() > 2))
        .map(|word| if word.starts_with("--") { word.into() } else { format!("-{word}") })
        .collect()
}

#[test]
fn the_help_has_every_option_and_no_other() {
    for (command, script) in [(RunOptions::command(), crate::RUN), (IsoOptions::command(), crate::ISO)] {
        assert_eq!(options(&command), explained(script), "{}", command.get_name());
        command.debug_assert();
    }
}

fn run(words: &[&str]) -> Result<RunOptions, String> {
    read(&words.iter().map(OsString::from).collect::<Vec<_>>())
}

#[test]
fn a_value_may_look_like_an_option_and_the_last_one_counts() {
    let run =
        run(&["--append", "--quiet", "--mem", "8M", "--mem", "16M", "--disk", "a", "--disk", "b"]).unwrap();
    let guest = run.single.guest(None, Path::new(""));
    assert_eq!(
        (guest.append.as_deref(), guest.mem.map(|mem| mem.text()).as_deref()),
        (Some("--quiet"), Some("16M"))
    );
    assert_eq!(guest.disk.texts(), ["a", "b"]);
}

#[test]
fn a_wrong_option_is_told_in_a_sentence() {
    for (words, sentence) in [
        (&["--colour"][..], "unexpected argument '--colour' found"),
        (&["--mem"], "a value is required for '--mem <SIZE>' but none was supplied"),
        (&["--timeout", "soon"], "that is no whole number"),
        (&["--guest", "demo,colour=red"], "unknown key `colour`"),
    ] {
        let why = run(words).unwrap_err();
        assert!(why.contains(sentence) && !why.contains("Usage"), "{why}");
    }
    assert!(run(&["--timeot", "5"]).unwrap_err().contains("--timeout"), "it knows what was meant");
}

#[test]
fn a_kernel_is_a_path_even_if_it_is_called_demo() {
    let run = run(&["--kernel", "demo"]).unwrap();
    let (lab, check) = complete(run.lab, None, run.single, None, Path::new("/x")).unwrap();
    assert_eq!((lab.guest[0].kernel.as_str(), check), ("/x/demo", Check::ByTheHost));
}

#[test]
fn options_of_the_only_guest_do_not_go_with_described_ones() {
    let run = run(&["--guest", "demo", "--mem", "8M"]).unwrap();
    let why = complete(run.lab, None, run.single, None, Path::new("")).unwrap_err();
    assert!(why.contains("--guest demo,mem=8M"), "{why}");
}
