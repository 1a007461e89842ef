use super::*;

/// A file that is there, and so may be a kernel or a disk.
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
const OTHER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/main.rs");

fn guests(texts: &[&str]) -> Vec<Guest> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn lines(texts: &[&str]) -> Vec<String> {
    let modules = modules(&guests(texts), Check::BeforeBoot).unwrap();
    modules.into_iter().map(|module| format!("{}: {}", module.place, module.line)).collect()
}

fn refusal(texts: &[&str]) -> String {
    modules(&guests(texts), Check::BeforeBoot).unwrap_err()
}

#[test]
fn the_only_guest_has_what_it_always_had() {
    let expected = ["disk0: disk name=vda", "guest: guest name=demo disk=vda net=lan -- "];
    assert_eq!(lines(&["demo"]), expected);
    let file = format!("{FILE},disk={FILE},ro,disk={OTHER},net=wan,initrd={OTHER},append=a b");
    let expected = [
        "disk0: disk name=vda ro",
        "disk1: disk name=vdb",
        "guest: guest name=Cargo.toml mem=64M disk=vda,vdb net=wan -- a b",
        "initrd: initrd for=Cargo.toml",
    ];
    assert_eq!(lines(&[&file]), expected);
}

#[test]
fn two_demos_share_the_example_and_the_network() {
    let expected = [
        "disk0: disk name=vda cow",
        "guest1: guest name=demo disk=vda net=lan -- ",
        "guest1: guest name=demo2 mem=8M disk=vda net=lan -- ",
    ];
    assert_eq!(lines(&["demo", "demo,mem=8M"]), expected);
}

#[test]
fn every_word_of_a_module_line_is_reachable() {
    let guest = format!(
        "demo,name=a,mem=8M,abi=3.19,pae=no,bus=pci,net=lan,mac=52:54:00:12:34:56,open,\
                         disk={FILE},cow=keep,as=root,symbols={OTHER}"
    );
    let expected = [
        "disk0: disk name=root cow=keep",
        "guest: guest name=a mem=8M abi=3.19 pae=no bus=pci disk=root net=lan,mac=52:54:00:12:34:56,open -- ",
        "symbols: symbols for=a",
    ];
    assert_eq!(lines(&[&guest]), expected);
}

#[test]
fn none_is_no_disk_and_no_card() {
    assert_eq!(lines(&["demo,disk=none,net=none"]), ["guest: guest name=demo -- "]);
}

#[test]
fn a_name_is_one_guest_s() {
    let why = refusal(&["demo,name=a", "demo,name=a"]);
    assert!(why.contains("two Guests are called a") && why.contains("own name"), "{why}");
    let names = lines(&["demo", "demo,name=demo2", "demo"]);
    assert!(names[3].contains("name=demo3 "), "{names:?}");
}

#[test]
fn a_file_that_is_written_is_one_disk() {
    let [rw, cow] = [format!("demo,disk={FILE}"), format!("demo,disk={FILE},cow")];
    for texts in [[&rw, &rw], [&rw, &cow], [&cow, &rw]] {
        let why = refusal(&[texts[0], texts[1]]);
        for words in ["Cargo.toml", "guest demo and of guest demo2", ",cow"] {
            assert!(why.contains(words), "no {words:?} in: {why}");
        }
    }
    let shared = lines(&[&cow, &cow]);
    assert_eq!(shared[0], "disk0: disk name=Cargo.toml cow");
    assert!(shared[2].contains("disk=Cargo.toml "), "{shared:?}");
}

#[test]
fn a_missing_file_is_told_with_its_guest() {
    for (words, role) in [("disk", "disk"), ("initrd", "initrd"), ("symbols", "symbols")] {
        let why = refusal(&["demo,name=a", &format!("demo,name=b,{words}=/no/such")]);
        assert_eq!(why, format!("cannot read /no/such, the {role} of guest b"));
    }
    assert_eq!(refusal(&["/no/such,name=c"]), "cannot read /no/such, the image of guest c");
}

#[test]
fn what_the_host_would_refuse_is_refused_before() {
    for (words, sentence) in [
        ("mem=lots", "guest b: bad size in \"mem=lots\""),
        ("bus=isa", "guest b: unknown bus in \"bus=isa\""),
        ("net=a:b", "guest b: bad network in \"net=a:b\""),
        ("pae=perhaps", "guest b: \"pae=perhaps\" is neither yes nor no"),
    ] {
        let why = refusal(&["demo", &format!("demo,name=b,{words}")]);
        assert!(why.starts_with(sentence), "{why}");
    }
    let mac = "net=lan,mac=52:54:00:12:34:56";
    let why = refusal(&[&format!("demo,{mac}"), &format!("demo,name=b,{mac}")]);
    assert!(why.starts_with("guest b: ") && why.contains("address of another card"), "{why}");
    let wrong = guests(&["demo,mem=lots"]);
    assert!(modules(&wrong, Check::ByTheHost).is_ok(), "the words of --mem are the Host's to judge");
}

#[test]
fn a_long_name_is_cut_and_an_odd_letter_replaced() {
    assert_eq!(after_file("/boot/my kernel:ä"), "my_kernel__");
    assert_eq!(after_file(&"x".repeat(50)).len(), 32);
    let long = "x".repeat(32);
    assert_eq!(unused(&long, |name| name == long), format!("{}2", "x".repeat(31)));
}
