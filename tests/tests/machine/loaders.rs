//! One image, three ways to be loaded: QEMU's Multiboot 1, GRUB's, and GRUB's Multiboot 2. And a
//! Guest in either of the two kinds of file.

use emulated::bzimage_file::BzImageFile;
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

/// What a plain `cargo build` makes: no optimisation, all checks, many code units a crate.
#[test]
fn a_debug_build_of_host_and_demo_works_as_well() {
    let debug = artefacts::debug(&["kennel-kernel", "kennel-demo"]);
    let host = debug.join("kennel");
    let boot =
        Boot { host, ..Boot::bare() }.with(debug.join("demo"), "guest name=demo mem=16M net=lan -- hello");
    let mut session = Qemu::kernel(&boot).start();
    session.wait_for(PROMPT);
    session.send("fault\nuser\nping\npoweroff\n");
    let outcome = session.finish();
    assert_eq!(outcome.agreed_exit_code(), 0, "{}", outcome.log);
    assert!(outcome.log.contains("10.77.0.1 answers after"), "{}", outcome.log);
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
fn a_guest_in_a_bzimage_is_the_same_guest() {
    let scratch = Scratch::new();
    let image = bzimage::of_guest(&artefacts::guest("demo"), "no Linux", &scratch);
    let boot = Boot::bare().with(scratch.file("bzImage", &image.0), "guest name=packed mem=16M -- hello");
    let mut session = Qemu::kernel(&boot).start();
    assert!(session.wait_for(PROMPT).contains("hello"));
    session.send("reboot\n");
    session.wait_for(PROMPT);
    session.send("poweroff\n");
    assert_eq!(session.finish().agreed_exit_code(), 0);
}

#[test]
fn a_linux_is_called_by_its_release_and_told_what_it_was_built_without() {
    let scratch = Scratch::new();
    let ud2 = [0x0F, 0x0B];
    let image = scratch.file("bzImage", BzImageFile::new("3.11.10-bare (a@b) #1", &ud2).0);
    let outcome = Qemu::kernel(&Boot::bare().with(image, "guest name=a mem=16M --")).start().finish();
    assert_eq!(outcome.agreed_exit_code(), 1, "{}", outcome.log);
    assert_eq!(outcome.guest_lines("a").next(), Some("Linux 3.11.10-bare"));
    let sentence = outcome.killed("a").expect("it has no hypercall to live by");
    assert!(sentence.contains("#UD") && sentence.contains("CONFIG_LGUEST_GUEST=y"), "{sentence}");
}
