//! Links the router as a Guest is linked.

fn main() {
    guest_build::link();
}
