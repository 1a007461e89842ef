//! Lists the test Guests, so that each becomes a test with its own name.
//!
//! Writes `guests.rs`: a call of the macro `each_guest!` with the name of every program in
//! `guest/tests/src/bin`, as an identifier and as it is. A Guest dropped into that directory is tested from then on.

use std::{env, fs, path::Path};

const GUESTS: &str = "../guest/tests/src/bin";

fn main() {
    println!("cargo::rerun-if-changed={GUESTS}");
    // Without the directory there are no names, which a test of its own refuses to accept.
    let entries = fs::read_dir(GUESTS).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| guest_name(&entry.path())).collect();
    names.sort();
    write("guests.rs", names.iter());
    let is_third = |(place, _): &(usize, &String)| place % 3 == 0;
    write("third_of_guests.rs", names.iter().enumerate().filter(is_third).map(|(_, name)| name));
    write("other_guests.rs", names.iter().enumerate().filter(|each| !is_third(each)).map(|(_, name)| name));
}

/// Writes a call of the macro with `names` to `file`.
fn write<'a>(file: &str, names: impl Iterator<Item = &'a String>) {
    let pairs: Vec<String> = names.map(|name| format!("{}: {name:?}", name.replace('-', "_"))).collect();
    let calls = format!("each_guest! {{ {} }}\n", pairs.join(", "));
    let out = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR for build scripts");
    fs::write(Path::new(&out).join(file), calls).expect("OUT_DIR is writable");
}

/// The name of the program at `path`, if it is one.
fn guest_name(path: &Path) -> Option<String> {
    let is_program = path.extension().is_some_and(|kind| kind == "rs") || path.join("main.rs").is_file();
    is_program.then(|| path.file_stem().map(|stem| stem.to_string_lossy().into_owned()))?
}
