//! Each line of a boot module becomes a Guest, an initrd, symbols, a disk or an error, whatever stands on it.
#![no_main]

use launcher_task::config::{DISKS_MAX, DiskMode, check_host_words, read_modules};
use libfuzzer_sys::{arbitrary, arbitrary::Arbitrary, fuzz_target};

const MIB: u32 = 1 << 20;
/// What lines are made of, besides anything.
const USUAL: [&str; 21] = [
    "guest",
    "initrd",
    "symbols",
    "file",
    "name=a",
    "name=b",
    "name=guest1",
    "name=",
    "mem=",
    "mem=4094",
    "mem=1G",
    "for=a",
    "for=guest1",
    "abi=3.19",
    "pae=yes",
    "disk",
    "disk=a",
    "disk=b,a",
    "ro",
    "cow=keep",
    "--",
];

#[derive(Arbitrary, Debug)]
enum Word<'a> {
    Usual(u8),
    /// One of those, and more behind it.
    Spoilt(u8, &'a str),
    Any(&'a str),
}

impl Word<'_> {
    fn text(&self) -> String {
        let usual = |number: u8| USUAL[usize::from(number) % USUAL.len()];
        let text = match *self {
            Self::Usual(number) => usual(number).into(),
            Self::Spoilt(number, end) => format!("{}{end}", usual(number)),
            Self::Any(text) => text.into(),
        };
        // A loader's line has no line break.
        text.replace('\n', " ")
    }
}

fuzz_target!(|words: Vec<Vec<Word<'_>>>| {
    let line = |words: &Vec<Word<'_>>| words.iter().map(Word::text).collect::<Vec<_>>().join(" ");
    let lines: Vec<String> = words.iter().map(line).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let config = read_modules(&lines);
    let companions: usize =
        config.plans.iter().map(|plan| plan.initrd.iter().chain(&plan.symbols).count()).sum();
    let about_all = usize::from(config.plans.is_empty());
    assert_eq!(
        config.plans.len() + companions + config.disks.len() + config.errors.len() - about_all,
        lines.len()
    );
    for (number, plan) in config.plans.iter().enumerate() {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        assert!((1..=32).contains(&plan.name.len()) && plan.name.bytes().all(is_plain), "{}", plan.name);
        let others = &config.plans[number + 1..];
        assert!(others.iter().all(|other| other.name != plan.name && other.image != plan.image));
        assert!(plan.memory % MIB == 0 && plan.memory > 0);
        assert!(lines[plan.image].contains("guest") && !plan.file.is_empty());
        assert!(plan.initrd.is_none_or(|initrd| lines[initrd].contains("initrd")));
        assert!(plan.symbols.is_none_or(|symbols| lines[symbols].contains("symbols")));
        assert!(plan.disks.len() <= DISKS_MAX);
        for &disk in &plan.disks {
            let is_alone = others.iter().all(|other| !other.disks.contains(&disk));
            assert!(is_alone || config.disks[disk].mode != DiskMode::ReadWrite);
        }
        let words: Vec<&str> = plan.command_line.split(' ').collect();
        let line: Vec<&str> = lines[plan.image].split_ascii_whitespace().collect();
        assert!(plan.command_line.is_empty() || line.ends_with(&words));
    }
    let of_the_host = check_host_words(lines.first().unwrap_or(&""), &["file", "mem="]);
    for error in config.errors.iter().chain(&of_the_host) {
        let sentence = error.to_string();
        assert!(!sentence.is_empty() && !sentence.contains('\n'), "{sentence:?}");
    }
});
