//! Names for addresses and addresses for names, from lists and images.

use super::*;
use proptest::prelude::*;

const MAP: &[u8] = b"         U missing\nc0100000 T startup_32\nc0100040 t helper\nc0200000 D data\n";
const UNSORTED: &[u8] = b"c0200000 D data\nc0100040 t helper\n         U missing\nc0100000 T startup_32\n";

#[test]
fn an_address_has_the_name_of_what_it_is_in() {
    for list in [MAP, UNSORTED] {
        let symbols = Symbols::admit(list).unwrap();
        assert_eq!(symbols.name(0xC010_0000), Some(("startup_32", 0)));
        assert_eq!(symbols.describe(0xC010_0052).as_deref(), Some("helper+0x12"));
        assert_eq!((symbols.name(0xC00F_FFFF), symbols.name(0xC020_1000)), (None, Some(("data", 0x1000))));
        assert_eq!(symbols.name(u32::MAX), None, "that is too far away");
    }
}

#[test]
fn every_address_of_a_long_list_is_found() {
    let mut lines: Vec<String> =
        (0..1000).map(|n| format!("{:08x} T symbol_{n}\n", 0x1000 + n * 8)).collect();
    for is_sorted in [true, false] {
        let list = lines.concat();
        let symbols = Symbols::admit(list.as_bytes()).unwrap();
        assert!(matches!(symbols, Symbols::List { is_sorted: is, .. } if is == is_sorted));
        assert!((0..1000).all(|n| symbols.describe(0x1003 + n * 8) == Some(format!("symbol_{n}+0x3"))));
        assert_eq!(symbols.name(0xFFF), None);
        lines.reverse();
    }
}

#[test]
fn a_name_has_an_address() {
    let symbols = Symbols::new(MAP);
    assert_eq!(
        (symbols.find("data"), symbols.find("missing"), symbols.find("dat")),
        (Some(0xC020_0000), None, None)
    );
}

#[test]
fn a_rust_name_is_a_path() {
    let symbols = Symbols::new(b"c0100000 t _ZN3kit7console9read_line17h6328b0e82a5ba5f9E\n");
    assert_eq!(symbols.describe(0xC010_0004).as_deref(), Some("kit::console::read_line+0x4"));
    assert_eq!(symbols.find("kit::console::read_line"), Some(0xC010_0000));
}

#[test]
fn an_elf_file_brings_its_own() {
    let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    for symbols in [Symbols::of_image(&own), Symbols::admit(&own).unwrap()] {
        let main = symbols.find("main").expect("a program has a main");
        assert!(symbols.describe(main).is_some_and(|name| name.ends_with("+0x0")));
    }
    assert_eq!(Symbols::of_image(&own[..100]).find("main"), None);
}

#[test]
fn what_has_no_symbols_is_refused_in_words() {
    let refused = |file: &[u8]| Symbols::admit(file).unwrap_err();
    assert_eq!(refused(b""), NoSymbols::Empty);
    assert_eq!(refused(b"\x7FELF and so on"), NoSymbols::BadElf);
    assert_eq!(refused(b"\xFF\xD8\xFF"), NoSymbols::NoText);
    assert_eq!(refused(b"c0100000 T start\nhello, world\n"), NoSymbols::Line(2));
    assert_eq!(refused(b"         U missing\n\n"), NoSymbols::NoAddress);
    let mut stripped = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    stripped[0x20..0x24].fill(0); // no section headers
    stripped[0x30..0x34].fill(0);
    assert_eq!(refused(&stripped), NoSymbols::Stripped);
    stripped[4] = 2;
    assert!(matches!(refused(&stripped), NoSymbols::Elf64 | NoSymbols::BadElf));
    assert_eq!(
        NoSymbols::Line(2).to_string(),
        "it is neither an ELF file nor a list of symbols: line 2 is not what nm prints"
    );
}

#[test]
fn noise_has_no_symbols() {
    let noise: Vec<u8> = (0..=255).cycle().take(4096).collect();
    assert_eq!(Symbols::new(&noise).name(u32::MAX), None);
    assert_eq!(Symbols::of_image(&noise).name(u32::MAX), None);
    assert_eq!(Symbols::default().find(""), None);
}

proptest! {
    #[test]
    fn any_list_is_survived(
        list: Vec<u8>,
        text in "([0-9a-f]{8} [TtU] [a-z]{1,3}\n){0,9}",
        is_sorted: bool,
        at: u32
    ) {
        for symbols in [Symbols::new(&list), Symbols::new(text.as_bytes()), Symbols::List { text: &text, is_sorted }] {
            let named = symbols.name(at);
            prop_assert!(named.is_none_or(|(name, offset)| !name.is_empty() && offset <= at));
        }
    }
}
