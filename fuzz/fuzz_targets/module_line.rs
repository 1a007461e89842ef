//! Each line of a boot module becomes a Guest, an initrd or an error, whatever stands on it.
#![no_main]

use launcher_task::config::{check_host_words, read_modules};
use libfuzzer_sys::fuzz_target;

const MIB: u32 = 1 << 20;

fuzz_target!(|text: &str| {
    let lines: Vec<&str> = text.split('\n').collect();
    let config = read_modules(&lines);
    let initrds = config.plans.iter().filter(|plan| plan.initrd.is_some()).count();
    let about_all = usize::from(config.plans.is_empty());
    assert_eq!(config.plans.len() + initrds + config.errors.len() - about_all, lines.len());
    for (number, plan) in config.plans.iter().enumerate() {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        assert!((1..=32).contains(&plan.name.len()) && plan.name.bytes().all(is_plain), "{}", plan.name);
        let others = &config.plans[number + 1..];
        assert!(others.iter().all(|other| other.name != plan.name && other.image != plan.image));
        assert!(plan.memory % MIB == 0 && plan.memory > 0 && plan.limit() > plan.memory);
        assert!(lines[plan.image].contains("guest") && !plan.file.is_empty());
        assert!(plan.initrd.is_none_or(|initrd| lines[initrd].contains("initrd")));
        let words: Vec<&str> = plan.command_line.split(' ').collect();
        let line: Vec<&str> = lines[plan.image].split_ascii_whitespace().collect();
        assert!(plan.command_line.is_empty() || line.ends_with(&words));
    }
    for error in config.errors.iter().chain(&check_host_words(lines[0], &["debug-exit", "tty="])) {
        let sentence = error.to_string();
        assert!(!sentence.is_empty() && !sentence.contains('\n'), "{sentence:?}");
    }
});
