//! One image, three ways to be loaded: QEMU's Multiboot 1, GRUB's, and GRUB's Multiboot 2. And a
//! Guest in either of the two kinds of file.

use emulated::iso::Protocol;
use emulated::scratch::Scratch;
use emulated::{Boot, Qemu, Session, artefacts, bzimage};

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

#[test]
fn a_guest_in_a_bzimage_is_the_same_guest_and_its_release_is_told() {
    let scratch = Scratch::new();
    let image = bzimage::of_guest(&artefacts::guest("demo"), "3.11.10-demo (a@b) #1", &scratch);
    let boot = Boot::bare().with(scratch.file("bzImage", &image.0), "guest name=packed mem=16M -- hello");
    let mut session = Qemu::kernel(&boot).start();
    let greeting = session.wait_for(PROMPT);
    assert!(
        greeting.contains("guest packed: Linux 3.11.10-demo\n") && greeting.contains("hello"),
        "{greeting}"
    );
    session.send("reboot\n");
    session.wait_for(PROMPT);
    session.send("poweroff\n");
    assert_eq!(session.finish().agreed_exit_code(), 0);
}
