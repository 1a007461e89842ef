//! Mistakes in the configuration: one line names the module and the fault, the Guests that
//! are right run on, and the exit code is 2.

use abi::PAGE_SIZE;
use abi::device_page::DEVICE_PAGES;
use emulated::bzimage_file::{BzImageFile, PROTECTED};
use emulated::elf::{CLASS_64, Elf};
use emulated::scratch::Scratch;
use emulated::{Boot, Outcome, Qemu, artefacts};

const MIB: u32 = 1 << 20;
/// Memory of the Guests here.
const GUEST_LEN: u32 = 16 * MIB;

/// Boots an innocent Guest beside a module that is wrong, and checks that the innocent one is
/// served, and that exactly one line names the wrong one and one of the `words`.
fn is_told(image: &[u8], line: &str, words: &str) {
    let scratch = Scratch::new();
    let file = scratch.file("wrong.elf", image);
    let boot = Boot::guest("hello", "").with(file, line);
    let outcome = Qemu::kernel(&boot).start().finish();
    assert_eq!(outcome.agreed_exit_code(), 2, "{}", outcome.log);
    assert!(outcome.log.contains("test: PASS"), "the innocent Guest did not run:\n{}", outcome.log);
    let told: Vec<&str> = complaints(&outcome).collect();
    assert!(told.len() == 1 && told[0].contains(words), "expected one line with {words:?}:\n{}", outcome.log);
}

/// The Host's lines that name the wrong module, other than the list of all modules.
fn complaints(outcome: &Outcome) -> impl Iterator<Item = &str> {
    outcome.host_lines().filter(|line| line.contains("wrong") && !line.starts_with("module: "))
}

/// A Guest that would run, if it were not for what a test does to it.
fn image() -> Elf {
    Elf::of(&[0xF4; 64])
}

const LINE: &str = "guest name=wrong mem=16M --";

#[test]
fn no_module_at_all() {
    let outcome = Qemu::kernel(&Boot::bare()).start().finish();
    assert_eq!(outcome.agreed_exit_code(), 2);
    assert!(outcome.host_lines().any(|line| line.contains("no boot module")), "{}", outcome.log);
}

#[test]
fn a_file_that_is_no_elf_at_all() {
    is_told(b"#!/bin/sh\necho hello\n", LINE, "ELF");
}

#[test]
fn an_elf_cut_off_in_its_header() {
    is_told(&image().to_bytes()[..40], LINE, "truncated");
}

#[test]
fn an_elf_cut_off_in_its_segment() {
    let file = image().to_bytes();
    is_told(&file[..file.len() - 1], LINE, "truncated");
}

#[test]
fn an_elf_for_64_bits() {
    is_told(&Elf { class: CLASS_64, ..image() }.to_bytes(), LINE, "64 bits");
}

/// A bzImage that would start, and be killed at its first instruction.
fn bzimage(release: &str) -> BzImageFile {
    BzImageFile::new(release, &[0x0F, 0x0B])
}

#[test]
fn a_bzimage_cut_off_in_its_header() {
    is_told(&bzimage("3.11.10").0[..0x210], LINE, "truncated");
}

#[test]
fn a_bzimage_cut_off_in_its_kernel() {
    let file = BzImageFile::new("3.11.10", &[0x90; 4096]).0;
    is_told(&file[..PROTECTED + 2048], LINE, "truncated");
}

#[test]
fn a_bzimage_for_64_bits() {
    is_told(&bzimage("4.9.0").put16(0x236, 1).0, LINE, "64 bits");
}

#[test]
fn a_bzimage_that_needs_more_memory_than_it_has() {
    is_told(&bzimage("3.11.10").put32(0x230, 16 * MIB).0, LINE, "mem=17M");
}

#[test]
fn a_linux_told_of_other_memory_on_its_own_command_line() {
    is_told(&bzimage("3.11.10").0, "guest name=wrong mem=16M -- quiet mem=8M", "before the --");
}

#[test]
fn a_segment_beyond_memory() {
    is_told(
        &Elf { at: GUEST_LEN + DEVICE_PAGES * PAGE_SIZE, ..image() }.to_bytes(),
        LINE,
        "beyond the end of memory",
    );
}

#[test]
fn a_segment_across_the_end_of_memory_and_into_the_device_page() {
    is_told(&Elf { at: GUEST_LEN - 4096, memory_len: 8192, ..image() }.to_bytes(), LINE, "device page");
}

#[test]
fn a_segment_on_the_device_page() {
    is_told(&Elf { at: GUEST_LEN, ..image() }.to_bytes(), LINE, "device page");
}

#[test]
fn a_segment_whose_end_wraps_around() {
    is_told(&Elf { at: MIB, memory_len: u32::MAX - 64, ..image() }.to_bytes(), LINE, "segment");
}

#[test]
fn more_memory_than_the_machine_has() {
    is_told(&image().to_bytes(), "guest name=wrong mem=3072M --", "mem=3072M");
}

/// One boot with all of them, for each costs only its own Guest.
#[test]
fn each_kind_of_bad_size_has_a_sentence_of_its_own() {
    let kinds = [
        ("mem=abc", "that is no number"),
        ("mem=1.5M", "a fraction is not understood"),
        ("mem=0", "cannot do without memory"),
        ("mem=512K", "not a number of whole MiB"),
        ("mem=99999999999M", "more than a guest can have"),
    ];
    let scratch = Scratch::new();
    let file = scratch.file("wrong.elf", image().to_bytes());
    let boot = kinds.iter().enumerate().fold(Boot::guest("hello", ""), |boot, (number, (word, _))| {
        boot.with(&file, format!("guest name=wrong{number} {word} --"))
    });
    let outcome = Qemu::kernel(&boot).start().finish();
    assert_eq!(outcome.agreed_exit_code(), 2, "{}", outcome.log);
    assert!(outcome.log.contains("test: PASS"), "{}", outcome.log);
    for (word, sentence) in kinds {
        let is_told =
            |line: &str| line.contains(&format!("bad size in \"{word}\": ")) && line.contains(sentence);
        assert!(complaints(&outcome).any(is_told), "{word}: {}", outcome.log);
    }
}

#[test]
fn no_network_and_one_are_a_contradiction() {
    is_told(&image().to_bytes(), "guest name=wrong mem=16M net=none net=lan --", "net=none");
}

#[test]
fn a_disk_that_ends_within_a_sector_says_what_becomes_of_the_rest() {
    let scratch = Scratch::new();
    let odd = scratch.file("odd", vec![7; 5 * 512 + 100]);
    let boot = Boot::bare()
        .with(artefacts::guest("demo"), "guest name=demo mem=16M disk=odd net=none --")
        .with(odd, "disk name=odd");
    let mut session = Qemu::kernel(&boot).start();
    let before = session.wait_for("demo> ");
    let sentence =
        "host: disk odd: its last 100 bytes are no whole sector: a guest sees 5 sectors, without them\n";
    assert!(before.contains(sentence), "{before}");
    session.send("disks\nnet\npoweroff\n");
    let outcome = session.finish();
    assert!(outcome.log.contains("5 sectors, 2 KiB") && outcome.log.contains("net=lan"), "{}", outcome.log);
    assert_eq!(outcome.agreed_exit_code(), 0);
}

#[test]
fn an_unknown_word_on_a_module_line() {
    is_told(&image().to_bytes(), "guest name=wrong mem=16M colour=blue --", "colour=blue");
}

#[test]
fn a_disk_that_is_not_there() {
    is_told(&image().to_bytes(), "guest name=wrong mem=16M disk=nowhere --", "no disk \"nowhere\"");
}

#[test]
fn a_disk_nobody_could_name() {
    is_told(&[0; 512], "disk cow", "a disk without a name");
}

#[test]
fn a_guest_that_gets_nowhere_is_told_of_and_left_alone() {
    let scratch = Scratch::new();
    let file = scratch.file("spin.elf", Elf::of(&[0xE4, 0x80, 0xEB, 0xFC]).to_bytes()); // in al, 0x80; back
    let boot = Boot::guest("hello", "").with(file, "guest name=spin mem=16M --");
    let mut session = Qemu::kernel(&boot).start();
    let before = session.wait_for("guest spin: no progress in 10 s: ");
    assert!(before.contains("test: PASS") && !before.contains("guest hello: no progress"), "{before}");
    let said = session.wait_for("#GP(0x0) at 0x00100000\n");
    assert_eq!(said, "it has computed all the time and made no hypercall; what it did last: ");
}

#[test]
fn an_unknown_role() {
    is_told(&image().to_bytes(), "ghost name=wrong", "ghost");
}
