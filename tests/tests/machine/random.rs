//! Random Guests, two dozen at a time, between two innocents: a handful of seeds. `scripts/nightly`
//! plays thousands of others, and `scripts/random` any one again.

use emulated::crowd::{Crowd, Place};

/// Runs a crowd, which must not make a difference.
#[track_caller]
fn noticed_by_nobody(crowd: &Crowd) {
    if let Err(fault) = crowd.check(false) {
        panic!("{fault}");
    }
}

#[test]
fn a_random_crowd_on_a_pentium_is_noticed_by_nobody() {
    noticed_by_nobody(&Crowd::new(1, Place::QemuPentium));
}

#[test]
fn a_random_crowd_on_a_recent_cpu_is_noticed_by_nobody() {
    noticed_by_nobody(&Crowd::new(2, Place::QemuRecent));
}

#[test]
fn a_random_crowd_with_pae_is_noticed_by_nobody() {
    noticed_by_nobody(&Crowd::new(3, Place::QemuRecent).with_pae());
}
