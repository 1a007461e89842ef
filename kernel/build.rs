//! Gives the `kennel` binary its place in memory; the lib and its tests link as usual.
use std::env;

fn main() {
    let manifest = env::var("CARGO_MANIFEST_DIR").expect("Cargo sets it for build scripts");
    let script = format!("{manifest}/../linker.ld");
    println!("cargo:rerun-if-changed={script}");
    // The Host brings its own start code and memory functions, and is linked where it runs.
    for argument in ["-nostdlib", "-nostartfiles", "-static", "-no-pie"] {
        println!("cargo:rustc-link-arg-bins={argument}");
    }
    // Nobody unwinds and no loader wants a build note; each section has a page of its own anyway.
    for argument in ["--build-id=none", "--no-eh-frame-hdr", "-zmax-page-size=4096", "-znoexecstack"] {
        println!("cargo:rustc-link-arg-bins=-Wl,{argument}");
    }
    println!("cargo:rustc-link-arg-bins=-T{script}");
}
