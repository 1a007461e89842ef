//! Media for real PCs and releases: they boot by UEFI, and are the same bytes wherever they are made.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use emulated::artefacts;
use emulated::scratch::Scratch;

use crate::demo::PROMPT;
use crate::scripts::TIME_LIMIT;

/// Firmware of Debian's packages `ovmf` and `ovmf-ia32`: code, variables, and a machine for it.
const FIRMWARE: [(&str, &str, &[&str]); 2] = [
    ("OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd", &["qemu-system-x86_64"]),
    ("OVMF32_CODE_4M.secboot.fd", "OVMF32_VARS_4M.fd", &["qemu-system-i386", "-machine", "q35"]),
];
const FIRMWARE_IS_IN: &str = "/usr/share/OVMF";
/// A moment long ago.
const EPOCH: &str = "1700000000";

/// Makes an ISO of the demo, as if it were always the same moment.
fn iso(scratch: &Scratch, name: &str) -> PathBuf {
    artefacts::host();
    artefacts::lab();
    let out = scratch.path(name);
    let output = Command::new("timeout")
        .arg(TIME_LIMIT)
        .arg(artefacts::root().join("scripts/iso"))
        .args(["--host", "debug-exit", "--out"])
        .arg(&out)
        .env("SOURCE_DATE_EPOCH", EPOCH)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    out
}

/// Boots the demo and powers it off; returns the machine's status.
fn boots(machine: &[&str], drives: &[String]) -> Option<i32> {
    let mut qemu = Command::new("timeout");
    qemu.arg(TIME_LIMIT)
        .args(machine)
        .args(["-accel", "tcg", "-m", "256", "-display", "none", "-nic", "none"]);
    qemu.args([
        "-no-reboot",
        "-device",
        "isa-debug-exit,iobase=0xf4,iosize=1",
        "-serial",
        "stdio",
        "-monitor",
        "none",
    ]);
    for drive in drives {
        qemu.args(["-drive", drive]);
    }
    let mut child = qemu.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut keyboard, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut seen = Vec::new();
    while !seen.ends_with(PROMPT.as_bytes()) {
        let mut byte = [0];
        let read = screen.read_exact(&mut byte);
        read.unwrap_or_else(|_| panic!("no prompt in:\n{}", String::from_utf8_lossy(&seen)));
        seen.push(byte[0]);
    }
    keyboard.write_all(b"poweroff\n").unwrap();
    screen.read_to_end(&mut seen).unwrap();
    child.wait().unwrap().code()
}

#[test]
#[ignore = "UEFI does not find the medium in one of the ways it is handed over"]
fn an_iso_boots_by_bios_and_by_uefi_of_64_and_32_bits_from_cd_and_stick() {
    let scratch = Scratch::new();
    let iso = iso(&scratch, "kennel.iso").display().to_string();
    let (cd, stick) = (format!("file={iso},media=cdrom"), format!("file={iso},format=raw,snapshot=on"));
    assert_eq!(boots(&["qemu-system-i386", "-cpu", "qemu32,-apic"], std::slice::from_ref(&stick)), Some(1));
    for (code, variables, machine) in FIRMWARE {
        let code = Path::new(FIRMWARE_IS_IN).join(code);
        if !code.is_file() || !Path::new("/usr/lib/grub/x86_64-efi").is_dir() {
            println!(
                "SKIP: no boot by UEFI without {} and GRUB for it; scripts/setup brings both",
                code.display()
            );
            continue;
        }
        let own =
            scratch.file("variables.fd", std::fs::read(Path::new(FIRMWARE_IS_IN).join(variables)).unwrap());
        let flash = format!("if=pflash,format=raw,readonly=on,file={}", code.display());
        let variables = format!("if=pflash,format=raw,file={}", own.display());
        for medium in [&cd, &stick] {
            let drives = [flash.clone(), variables.clone(), medium.clone()];
            assert_eq!(boots(machine, &drives), Some(1), "{machine:?} {medium}");
        }
    }
}

#[test]
fn an_iso_is_the_same_whenever_it_is_made() {
    let scratch = Scratch::new();
    let first = iso(&scratch, "a.iso");
    sleep(Duration::from_secs(2)); // FAT counts by two
    let second = iso(&scratch, "b.iso");
    assert!(std::fs::read(first).unwrap() == std::fs::read(second).unwrap());
}

/// Two builds of everything, so it is one for the night.
#[test]
#[ignore = "takes two builds; scripts/nightly runs it"]
fn a_release_is_the_same_wherever_it_is_made() {
    let scratch = Scratch::new();
    let sums = ["here", "somewhere/else/entirely"].map(|place| {
        let (place, root) = (scratch.path(place), artefacts::root());
        let cloned = Command::new("git").args(["clone", "-q"]).arg(root).arg(&place).status().unwrap();
        assert!(cloned.success());
        let made =
            Command::new(place.join("scripts/release")).env_remove("CARGO_TARGET_DIR").output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        String::from_utf8(made.stdout).unwrap()
    });
    assert_eq!(sums[0].lines().count(), 3, "{sums:?}");
    assert_eq!(sums[0], sums[1]);
}

/// What is released has a section in the changelog, or will have.
#[test]
fn the_changelog_has_what_keep_a_changelog_asks_for() {
    let text = std::fs::read_to_string(artefacts::root().join("CHANGELOG.md")).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    assert!(text.contains(&format!("\n## [{version}] - ")), "no section about {version}");
    assert!(text.starts_with("# Changelog\n") && text.contains("\n## [Unreleased]\n"));
    for heading in text.lines().filter_map(|line| line.strip_prefix("### ")) {
        let known = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"];
        assert!(known.contains(&heading), "{heading}");
    }
}
