//! Links both benches as Guests are linked; the native one starts elsewhere.

fn main() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../kit/guest.ld");
    println!("cargo:rerun-if-changed={script}");
    for argument in ["-nostartfiles", "-nostdlib", "-static", "-Wl,--build-id=none"] {
        println!("cargo:rustc-link-arg-bins={argument}");
    }
    println!("cargo:rustc-link-arg-bins=-Wl,-T,{script}");
    println!("cargo:rustc-link-arg-bin=bench-native=-Wl,-e,native_entry_physical");
}
