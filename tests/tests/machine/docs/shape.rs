//! Whether a line in a document is what a machine prints today.
//!
//! Words have to be the same. Addresses and times are another machine's, and what a Guest used depends on
//! how long it took. Any other number may differ by an eighth and twenty: what changed more than that is
//! no longer what the document says.

/// Units whose numbers depend on the machine.
const TIMES: [&str; 5] = ["kHz", "MHz", "us", "ms", "s"];
/// Words whose number is a name: another number would be another thing.
const NAMES: [&str; 5] = ["call", "vector", "line", "ring", "code"];
/// What comes behind these words in a line is code and data of one build.
const OF_ONE_BUILD: [&str; 2] = ["code at eip:", ": stack "];
/// A line with these words has the counts of one run.
const OF_ONE_RUN: [&str; 4] = ["exits all=", "used cpu=", "exits and queued calls", " us  #"];

/// Whether `printed` is what `shown` shows.
pub fn is_alike(shown: &str, printed: &str) -> bool {
    compare(shown, printed, OF_ONE_RUN.iter().any(|words| shown.contains(words)))
}

/// Whether they differ in numbers only.
pub fn has_same_words(shown: &str, printed: &str) -> bool {
    compare(shown, printed, true)
}

fn compare(shown: &str, printed: &str, may_count_otherwise: bool) -> bool {
    let [shown, printed] = [shown, printed].map(|line| {
        let end = OF_ONE_BUILD.iter().filter_map(|words| Some(line.find(words)? + words.len())).min();
        parts(line[..end.unwrap_or(line.len())].trim_end())
    });
    shown.len() == printed.len()
        && (0..shown.len()).all(|index| is_alike_at(index, &shown, &printed, may_count_otherwise))
}

/// A line's words, and what is between them a character at a time; several of a kind are one. The path
/// before a name is left out: debuggers print it or not.
fn parts(line: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = Vec::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let is_word = first.is_ascii_alphanumeric() || first == '_';
        let len = match rest.find(|each: char| !each.is_ascii_alphanumeric() && each != '_') {
            Some(0) => first.len_utf8(),
            found => found.unwrap_or(rest.len()),
        };
        let (part, others) = rest.split_at(len);
        let is_path = is_word && others.starts_with("::");
        if !is_path && (is_word || parts.last() != Some(&part)) {
            parts.push(part);
        }
        rest = if is_path { &others[2..] } else { others };
    }
    parts
}

fn is_alike_at(index: usize, shown: &[&str], printed: &[&str], may_count_otherwise: bool) -> bool {
    let [one, other] = [shown[index], printed[index]];
    let next = |step: usize| shown.get(index + step).copied().unwrap_or_default();
    let is_number = |word: &str| word.starts_with(|each: char| each.is_ascii_digit());
    let is_fraction = next(1) == "." && is_number(next(2))
        || index > 1 && shown[index - 1] == "." && is_number(shown[index - 2]);
    let is_time =
        TIMES.contains(&next(2)) || TIMES.iter().any(|unit| one.strip_suffix(unit).is_some_and(is_count));
    let is_name = index > 1 && NAMES.contains(&shown[index - 2]);
    match (count(one), count(other)) {
        _ if one == other => true,
        _ if is_name => false,
        _ if is_address(one) && is_address(other) => true,
        _ if is_fraction => is_number(one) && is_number(other),
        (Some(one), Some(other)) => {
            is_time || may_count_otherwise || one.abs_diff(other) <= one.max(other) / 8 + 20
        }
        _ => is_time && is_number(one) && is_number(other),
    }
}

fn is_count(word: &str) -> bool {
    !word.is_empty() && word.len() < 18 && word.bytes().all(|each| each.is_ascii_digit())
}

fn count(word: &str) -> Option<u64> {
    is_count(word).then(|| word.parse().ok())?
}

/// Hexadecimal digits, with `0x` before them or eight of them.
fn is_address(word: &str) -> bool {
    let digits = word.strip_prefix("0x").unwrap_or(word);
    (word.starts_with("0x") || word.len() == 8) && digits.bytes().all(|each| each.is_ascii_hexdigit())
}

#[test]
fn words_must_agree_and_addresses_and_times_need_not() {
    for (shown, printed) in [
        ("TSC 2596164 kHz", "TSC 50002 kHz"),
        ("#PF at 0xc0103dc2", "#PF at 0xc0200000"),
        ("eip c010d8b7  eflags 00000246", "eip c0200000  eflags 00000202"),
        ("cpu=0.044s wall=12.931s", "cpu=1.4s wall=0.044s"),
        ("answers after 2699 us.", "answers after 12 us."),
        ("305 bytes", "270 bytes"),
        ("exits all=305 hypercall=208", "exits all=905 hypercall=30"),
        ("code at eip: 83 c4", "code at eip: 90"),
        ("#0  load_task_gate () at", "#0  demo::crash::load_task_gate () at"),
    ] {
        assert!(is_alike(shown, printed), "{shown} / {printed}");
    }
    for (shown, printed) in [
        ("1331200 bytes for the Host", "1757184 bytes for the Host"),
        ("305 bytes", "900 bytes"),
        ("it was killed", "it was ended"),
        ("call   19 (0x0, 0x0)", "call   17 (0x1, 0x0)"),
        ("one two", "one"),
        ("vector 14", "vector 14 more"),
    ] {
        assert!(!is_alike(shown, printed), "{shown} / {printed}");
    }
}
