//! Links both benches as Guests are linked; the native one starts elsewhere.

fn main() {
    guest_build::link();
    println!("cargo:rustc-link-arg-bin=bench-native=-Wl,-e,native_entry_physical");
}
