//! The lines people write, and those they should not have.

use alloc::{string::ToString, vec::Vec};

use proptest::prelude::*;

use super::*;
use crate::net::mac::MacAddress;
use abi::Variant;

fn only_plan(line: &str) -> Plan {
    let mut config = read_modules(&[line]);
    assert_eq!(config.errors, []);
    assert_eq!(config.plans.len(), 1);
    config.plans.remove(0)
}

fn only_fault(line: &str) -> Fault {
    let config = read_modules(&["ok guest name=ok", line]);
    assert_eq!(config.plans.len(), 1, "the other Guest starts all the same");
    match config.errors.as_slice() {
        [ConfigError::Module { file, fault }] => {
            assert!(["x", "x (guest guest1)"].contains(&file.as_str()), "{file}");
            fault.clone()
        }
        other => panic!("one error of a module expected: {other:?}"),
    }
}

#[test]
fn a_whole_line_makes_a_plan() {
    let plan = only_plan("demo guest name=a mem=64M -- console=hvc0   mem=1 --");
    let expected = Plan {
        name: "a".into(),
        memory: 64 * MIB,
        is_usual_memory: false,
        command_line: "console=hvc0 mem=1 --".into(),
        image: 0,
        initrd: None,
        symbols: None,
        nets: Vec::new(),
        disks: Vec::new(),
        file: "demo".into(),
        dialect: Dialect::default(),
        bus: None,
        console: ConsoleSize::default(),
    };
    assert_eq!(plan, expected);
}

#[test]
fn what_would_be_found_out_can_be_said() {
    let plan = only_plan("guest abi=2.6.29 pae=no");
    assert_eq!(plan.dialect, Dialect { variant: Some(Variant::AEdx), pae: Some(false) });
    assert_eq!(only_plan("guest bus=pci").bus, Some(BusKind::Pci));
    assert_eq!(only_plan("guest bus=lguest").bus, Some(BusKind::Lguest));
    let words = ["abi=5.0", "pae=maybe", "bus=isa"];
    let config = read_modules(&words.map(|word| format!("guest {word}")).each_ref().map(String::as_str));
    assert!(words.iter().zip(&config.errors).all(|(word, error)| error.to_string().contains(word)));
    assert_eq!(config.errors.len(), words.len() + 1, "and no Guest came of them");
}

#[test]
fn a_bare_guest_gets_defaults() {
    let plan = only_plan("guest");
    assert_eq!((plan.name.as_str(), plan.memory, plan.command_line.as_str()), ("guest1", 16 * MIB, ""));
    assert_eq!(plan.file, "module 1");
    assert!(plan.is_usual_memory && !only_plan("guest mem=16M").is_usual_memory);
}

#[test]
fn a_line_that_could_not_be_read_is_refused_as_a_whole() {
    let flaw = String::from("the command line is not UTF-8: byte 20 is wrong");
    let lines = [Line::from("guest name=a"), Line { words: "x guest name=b mem=", flaw: Some(flaw) }];
    let config = read_modules(&lines);
    assert_eq!(config.plans.len(), 1);
    let sentence = "x: the command line is not UTF-8: byte 20 is wrong; nothing on the line is obeyed";
    assert_eq!(config.errors[0].to_string(), sentence);
}

#[test]
fn net_none_is_no_card_and_nothing_beside_one() {
    assert_eq!(only_plan("guest net=none").nets, []);
    assert_eq!(only_plan("guest net=none net=none").nets, []);
    for line in ["x guest net=none net=lan", "x guest net=lan net=none"] {
        assert_eq!(only_fault(line), Fault::NetAndNone);
    }
    let word = "net=none,mac=52:54:00:12:34:56";
    assert_eq!(only_fault(&format!("x guest {word}")), Fault::Net(word.into()));
}

#[test]
fn the_file_name_may_be_there_or_not_and_may_look_like_a_role() {
    assert_eq!(only_plan("guest name=a").file, "module 1");
    assert_eq!(only_plan("/boot/demo guest name=a").file, "/boot/demo");
    assert_eq!(only_plan("guest guest name=a").file, "guest");
}

#[test]
fn default_names_step_around_those_asked_for() {
    let config = read_modules(&["guest", "guest name=guest1", "guest"]);
    let names: Vec<_> = config.plans.iter().map(|plan| plan.name.as_str()).collect();
    assert_eq!(names, ["guest2", "guest1", "guest3"]);
}

#[test]
fn a_guest_finds_its_disks_whichever_come_first() {
    let config = read_modules(&["guest disk=b,a", "x disk name=a", "y disk cow=keep name=b"]);
    assert_eq!(config.errors, []);
    let modes = [DiskMode::ReadWrite, DiskMode::CopyOnWrite { is_kept: true }];
    let expected = [("a", 1, modes[0]), ("b", 2, modes[1])];
    let disks: Vec<_> =
        config.disks.iter().map(|disk| (disk.name.as_str(), disk.module, disk.mode)).collect();
    assert_eq!(disks, expected);
    assert_eq!(config.plans[0].disks, [1, 0]);
}

#[test]
fn what_a_disk_has_beyond_its_last_sector_is_told() {
    let told = |len| Remainder::of(len).map(|rest| rest.to_string());
    assert_eq!((told(512), told(1 << 20)), (None, None));
    let sentence = "its last 100 bytes are no whole sector: a guest sees 12 sectors, without them";
    assert_eq!(told(12 * 512 + 100).unwrap(), sentence);
    assert!(told(513).unwrap().contains("sees 1 sector,") && told(0).unwrap().contains("is empty"));
    assert!(told(511).unwrap().starts_with("its 511 bytes are less than a sector of 512"));
}

#[test]
fn a_disk_that_changes_is_one_guest_s() {
    let lines = |mode| [String::from("disk name=d ") + mode, "guest disk=d".into(), "guest disk=d".into()];
    let read = |mode| read_modules(&lines(mode).each_ref().map(String::as_str));
    for mode in ["ro", "cow", "cow=keep"] {
        let config = read(mode);
        assert_eq!((config.errors, config.plans.len()), (Vec::new(), 2));
    }
    let config = read("");
    assert_eq!(config.plans.len(), 1);
    let [ConfigError::Module { file, fault }] = &config.errors[..] else { panic!("{:?}", config.errors) };
    assert_eq!((file.as_str(), fault), ("module 3", &Fault::DiskTaken("d".into())));
}

#[test]
fn a_disk_or_a_wish_for_one_that_cannot_be_is_refused() {
    assert_eq!(only_fault("x disk"), Fault::NamelessDisk);
    assert_eq!(only_fault("x disk ro"), Fault::NamelessDisk);
    assert_eq!(only_fault("x disk name=a:"), Fault::Name("name=a:".into()));
    assert_eq!(only_fault("x disk name=d rw"), Fault::UnknownDiskWord("rw".into()));
    assert_eq!(only_fault("x disk name=d cow=drop"), Fault::UnknownDiskWord("cow=drop".into()));
    assert_eq!(only_fault("x disk name=d ro cow"), Fault::Twice("cow".into()));
    assert_eq!(only_fault("x guest disk=d"), Fault::NoDisk("d".into()));
    assert_eq!(only_fault("x guest disk="), Fault::NoDisk("".into()));
    let twice = read_modules(&["disk name=d ro", "ok guest name=ok", "x guest disk=d,d"]);
    let fault = Fault::DiskTwice("d".into());
    assert_eq!(twice.errors, [ConfigError::Module { file: "x".into(), fault }]);
    let taken = read_modules(&["disk name=d", "guest", "x disk name=d"]);
    let fault = Fault::DiskNameTaken("d".into());
    assert_eq!(taken.errors, [ConfigError::Module { file: "x".into(), fault }]);
    assert_eq!(only_fault("x guest disk=1,2,3,4,5,6,7,8,9"), Fault::TooManyDisks);
}

#[test]
fn initrd_and_symbols_find_their_guest_whichever_comes_first() {
    let config = read_modules(&["fs initrd for=a", "demo guest name=a", "map symbols for=a"]);
    assert_eq!(config.errors, []);
    let plan = &config.plans[0];
    assert_eq!((plan.image, plan.initrd, plan.symbols), (1, Some(0), Some(2)));
}

#[test]
fn no_module_and_no_guest_are_said_plainly() {
    assert_eq!(read_modules::<&str>(&[]).errors, [ConfigError::NoModule]);
    let config = read_modules(&["", "x initrd for=a"]);
    let no_role = ConfigError::Module { file: "module 1".into(), fault: Fault::NoRole };
    let nobodys =
        ConfigError::Module { file: "x".into(), fault: Fault::Nobodys(Companion::Initrd, "a".into()) };
    assert_eq!(config.errors, [no_role, nobodys, ConfigError::NoGuest]);
}

#[test]
fn an_unknown_word_costs_only_its_module() {
    assert_eq!(only_fault("x"), Fault::NoRole);
    assert_eq!(only_fault("x floppy name=d"), Fault::UnknownRole("floppy".into()));
    assert_eq!(only_fault("x guest name=b smp=2"), Fault::UnknownGuestWord("smp=2".into()));
    assert_eq!(only_fault("x guest quiet"), Fault::UnknownGuestWord("quiet".into()));
    assert_eq!(only_fault("x guest --quiet"), Fault::UnknownGuestWord("--quiet".into()));
    assert_eq!(only_fault("x initrd for=ok ro"), Fault::UnknownCompanionWord(Companion::Initrd, "ro".into()));
    assert_eq!(only_fault("x initrd"), Fault::NoTarget(Companion::Initrd));
    assert_eq!(only_fault("x symbols"), Fault::NoTarget(Companion::Symbols));
    assert_eq!(only_fault("x guest mem=1M mem=2M"), Fault::Twice("mem=2M".into()));
    assert_eq!(only_fault("x initrd for=nobody"), Fault::Nobodys(Companion::Initrd, "nobody".into()));
}

#[test]
fn a_second_guest_of_the_same_name_is_refused() {
    assert_eq!(only_fault("x guest name=ok"), Fault::NameTaken("ok".into()));
}

#[test]
fn a_second_initrd_for_the_same_guest_is_refused() {
    let config = read_modules(&["guest name=a", "initrd for=a", "x initrd for=a"]);
    let fault = Fault::Second(Companion::Initrd, "a".into());
    assert_eq!(config.errors, [ConfigError::Module { file: "x".into(), fault }]);
    assert_eq!(config.plans[0].initrd, Some(1));
}

#[test]
fn a_name_that_would_garble_the_log_is_refused() {
    let long = format!("name={}", "a".repeat(33));
    for word in ["name=", "name=a:b", "name=é", long.as_str()] {
        assert_eq!(only_fault(&format!("x guest {word}")), Fault::Name(word.into()));
    }
}

#[test]
fn memory_is_whole_mebibytes_within_reach() {
    for (word, mebibytes) in [("1", 1), ("24m", 24), ("2048K", 2), ("1G", 1024), ("4094M", 4094)] {
        assert_eq!(only_plan(&format!("guest mem={word}")).memory, mebibytes * MIB);
    }
    use SizeFault::{Fraction, NoNumber, NotWhole, TooLarge, Zero};
    let wrong = [
        (NoNumber, ["", "M", "-1M", "+1M", "64Q", "abc", "0x10", "1.M", "1MB"].as_slice()),
        (Fraction, &["1.5M", "0,5G"]),
        (Zero, &["0", "0M", "00G"]),
        (NotWhole, &["512K", "1025K"]),
        (TooLarge, &["4095M", "4G", "5000000000", "99999999999M", "99999999999999999999999G"]),
    ];
    for (fault, sizes) in wrong {
        for size in sizes {
            let word = format!("mem={size}");
            assert_eq!(only_fault(&format!("x guest {word}")), Fault::Memory(fault, word));
        }
    }
}

#[test]
fn a_card_is_on_a_network_and_has_an_address() {
    let plan = only_plan("x guest name=a net=lan net=wan,mac=52:54:00:12:34:56");
    let [lan, wan] = plan.nets.as_slice() else { panic!("two cards, not {:?}", plan.nets) };
    assert_eq!((lan.network.as_str(), lan.address("a")), ("lan", MacAddress::derive("lan", "a")));
    assert_eq!((wan.network.as_str(), wan.address("a").0), ("wan", [0x52, 0x54, 0, 0x12, 0x34, 0x56]));
    let bad =
        ["net=", "net=a:b", "net=a,mac", "net=a,mac=1", "net=a,mac=ff:ff:ff:ff:ff:ff", "net=a,b", "net=a,"];
    for bad in bad.into_iter().chain(["net=a,open,open", "net=none,open"]) {
        assert_eq!(only_fault(&format!("x guest {bad}")), Fault::Net(bad.into()));
    }
}

#[test]
fn a_card_is_open_if_its_word_says_so_in_any_order() {
    let plan = only_plan(
        "x guest net=a,open net=b,open,mac=02:00:00:00:00:01 net=c,mac=02:00:00:00:00:02,open net=d",
    );
    let cards: Vec<_> =
        plan.nets.iter().map(|card| (card.is_open, card.address.map(|mac| mac.0[5]))).collect();
    assert_eq!(cards, [(true, None), (true, Some(1)), (true, Some(2)), (false, None)]);
}

#[test]
fn no_network_is_no_card() {
    assert_eq!(only_plan("x guest net=none").nets, []);
}

#[test]
fn two_cards_with_one_address_are_refused() {
    let config = read_modules(&[
        "a guest name=a net=lan,mac=52:54:00:12:34:56",
        "b guest name=b net=wan,mac=52:54:00:12:34:56",
        "c guest name=c net=lan,mac=52:54:00:12:34:56",
        "d guest name=d net=lan net=lan",
    ]);
    assert_eq!(config.plans.len(), 2);
    let faults = [
        ("c (guest c)", Fault::AddressTaken("net=lan,mac=52:54:00:12:34:56".into())),
        ("d (guest d)", Fault::AddressTaken("net=lan".into())),
    ];
    assert_eq!(config.errors, faults.map(|(file, fault)| ConfigError::Module { file: file.into(), fault }));
    assert_eq!(networks(&config.plans), ["lan", "wan"]);
}

#[test]
fn networks_and_their_cards_are_counted() {
    let lines: Vec<String> = (0..40).map(|number| format!("x guest name=g{number} net=lan")).collect();
    let config = read_modules(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!((config.plans.len(), config.errors.len()), (31, 9));
    let lines: Vec<String> = (0..20).map(|number| format!("x guest net=lan{number}")).collect();
    let config = read_modules(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!((config.plans.len(), config.errors.len()), (16, 4));
    assert_eq!(only_fault("x guest net=a net=b net=c net=d net=e"), Fault::TooManyCards);
}

#[test]
fn the_hosts_own_words_are_checked_against_its_list() {
    let known = ["debug-exit", "selftest="];
    assert_eq!(check_host_words("kennel debug-exit selftest=nmi", &known), []);
    assert_eq!(check_host_words("debug-exit", &known), []);
    assert_eq!(check_host_words("", &known), []);
    let errors = check_host_words("debug-exit debug-exot selftest", &known);
    assert_eq!(
        errors,
        [ConfigError::HostWord("debug-exot".into()), ConfigError::HostWord("selftest".into())]
    );
}

#[test]
fn every_sentence_names_the_word() {
    let config = read_modules(&["disk guest mem=lots", "x floppy", "y guest name=a?b", "z initrd for=q"]);
    let sentences: Vec<_> = config.errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        sentences[0],
        "disk: bad size in \"mem=lots\": that is no number with K, M or G behind it; use whole MiB from 1M to 4094M"
    );
    assert!(sentences[1].starts_with("x: unknown role \"floppy\"; say guest"));
    assert!(sentences[2].starts_with("y: bad name in \"name=a?b\""));
    assert!(sentences[3].starts_with("z: initrd for \"q\""));
}

proptest! {
    #[test]
    fn any_lines_give_plans_or_errors(lines in prop::collection::vec(any_line(), 0..6)) {
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        let config = read_modules(&lines);
        prop_assert!(config.plans.len() <= lines.len());
        prop_assert!(!config.plans.is_empty() || !config.errors.is_empty());
        for (place, plan) in config.plans.iter().enumerate() {
            prop_assert!(plan.memory >= MIB && plan.memory.is_multiple_of(MIB));
            prop_assert!(plan.memory >= MIB);
            prop_assert!(config.plans[..place].iter().all(|other| other.name != plan.name));
            prop_assert!(plan.disks.iter().all(|&disk| disk < config.disks.len()));
        }
    }
}

/// Lines of words that nearly mean something, or of anything at all.
fn any_line() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "guest",
        "initrd",
        "symbols",
        "disk",
        "cow",
        "disk=a",
        "disk=a,b",
        "name=a",
        "name=b",
        "mem=1M",
        "mem=9999999999G",
        "for=a",
        "--",
        "=",
        "f",
    ]);
    prop_oneof![prop::collection::vec(words, 0..7).prop_map(|words| words.join(" ")), any::<String>()]
}
