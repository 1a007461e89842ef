//! Links every test Guest as a Guest is linked.

fn main() {
    guest_build::link();
}
