//! The house: who may import from whom, held against the source files.

use std::fs;
use std::path::{Path, PathBuf};

use emulated::imports::{Crate, Module};

/// The crates, by the file they begin with.
const CRATES: [&str; 14] = [
    "abi/src/lib.rs",
    "freestanding/src/lib.rs",
    "guest/demo/src/main.rs",
    "guest/drivers/src/lib.rs",
    "guest/kit/src/lib.rs",
    "guest/router/src/main.rs",
    "kernel/src/lib.rs",
    "kernel/src/main.rs",
    "lab/src/main.rs",
    "launcher-task/src/lib.rs",
    "monitor/src/lib.rs",
    "switcher/src/lib.rs",
    "tests/src/lib.rs",
    "trace/src/main.rs",
];

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are a part of the project").join(path)
}

#[test]
fn no_file_imports_itself_by_a_detour() {
    let circles: Vec<String> = CRATES
        .into_iter()
        .filter_map(|root| {
            let circle = Crate::read(&project(root)).circle()?;
            Some(format!(
                "{root}: {}",
                circle.iter().map(|module| module.join("::")).collect::<Vec<_>>().join(" -> ")
            ))
        })
        .collect();
    assert!(circles.is_empty(), "files import each other in a circle:\n{}", circles.join("\n"));
}

/// The rooms that the header of the kernel's `lib.rs` lists, from the lowest to the highest.
fn rooms() -> Vec<String> {
    let text = fs::read_to_string(project("kernel/src/lib.rs")).expect("the kernel has a lib");
    let list = text.split("//! ```text\n").nth(1).and_then(|rest| rest.split("//! ```").next());
    let lines = list.expect("the header has a list of rooms").lines();
    lines.filter_map(|line| line.strip_prefix("//! ")?.split(' ').next().map(String::from)).collect()
}

#[test]
fn a_room_imports_only_from_those_above_it_in_the_list() {
    let (rooms, kernel) = (rooms(), Crate::read(&project("kernel/src/lib.rs")));
    let place = |module: &Module| {
        let room = &module[0];
        rooms.iter().position(|listed| listed == room).unwrap_or_else(|| panic!("{room} is not in the list"))
    };
    for room in &rooms {
        assert!(
            kernel.modules().any(|module| module.first() == Some(room)),
            "{room} is listed and not there"
        );
    }
    let inside = kernel.modules().filter(|module| !module.is_empty()).map(place).max();
    assert_eq!(inside, Some(rooms.len() - 1));
    let backward: Vec<String> = kernel
        .imports()
        .iter()
        .filter(|(from, to)| !from.is_empty() && place(from) < place(to))
        .map(|(from, to)| format!("{} imports from {}", from.join("::"), to.join("::")))
        .collect();
    assert!(backward.is_empty(), "backward imports:\n{}", backward.join("\n"));
}
