//! One image, three ways to be loaded: QEMU's Multiboot 1, GRUB's, and GRUB's Multiboot 2.

use emulated::iso::Protocol;
use emulated::{Boot, Qemu, Session};

use crate::demo::PROMPT;

/// The demo comes up with the command line it was given and goes down when told.
fn the_demo_works(mut session: Session) {
    session.wait_for(PROMPT);
    session.send("poweroff\n");
    assert_eq!(session.finish().agreed_exit_code(), 0);
}

#[test]
fn qemu_s_own_loader_does() {
    the_demo_works(Qemu::kernel(&Boot::guest("demo", "hello")).start());
}

#[test]
fn grub_s_multiboot_1_does() {
    the_demo_works(Qemu::grub(&Boot::guest("demo", "hello"), Protocol::Multiboot1).start());
}

#[test]
fn grub_s_multiboot_2_does() {
    the_demo_works(Qemu::grub(&Boot::guest("demo", "hello"), Protocol::Multiboot2).start());
}
