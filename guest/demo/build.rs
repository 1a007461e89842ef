//! Links the demo as a Guest is linked.

fn main() {
    guest_build::link();
}
