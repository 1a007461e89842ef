//! GRUB on the medium: its images for BIOS and UEFI, and the ISO around them.
//!
//! ```text
//!   /boot/grub/bios.img     El Torito, and behind the MBR of a stick     BIOS
//!   /efi.img                a FAT file system with /EFI/BOOT/boot*.efi   UEFI of 64 and of 32 bits
//! ```
//!
//! Each image has in it the modules that the menu needs, so none are on the medium.
//!
//! Invariants: with `SOURCE_DATE_EPOCH` set the same tree gives the same bytes, whenever and wherever it
//! is made (the boot test `a_release_is_the_same_wherever_it_is_made`).
//!
//! Source: GRUB manual, "grub-mkimage"; SOURCE_DATE_EPOCH specification.
//!
//! Next on the tour: [`crate::machine`].

use std::env;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, UNIX_EPOCH};

/// Where Debian has GRUB's parts.
const PARTS: &str = "/usr/lib/grub";
/// What a menu may need that boots Multiboot images from an ISO.
const MODULES: [&str; 13] = [
    "iso9660",
    "fat",
    "part_msdos",
    "part_gpt",
    "normal",
    "minicmd",
    "search",
    "search_fs_file",
    "multiboot",
    "multiboot2",
    "gzio",
    "reboot",
    "halt",
];
/// The part for a BIOS, whose image finds its disk by itself.
const BIOS: &str = "i386-pc";
/// Parts for UEFI, and what firmware calls the file it looks for.
const UEFI: [(&str, &str); 2] = [("x86_64-efi", "bootx64.efi"), ("i386-efi", "bootia32.efi")];
/// How an image finds the menu.
const FIRST_COMMANDS: &str =
    "search --no-floppy --file --set=root /boot/grub/grub.cfg\nset prefix=($root)/boot/grub\n";
/// KiB of the FAT file system for UEFI.
const FAT_KIB: &str = "2880";

/// Whether GRUB for UEFI is installed, and what puts it into a file system.
pub fn has_uefi() -> bool {
    UEFI.iter().all(|(part, _)| Path::new(PARTS).join(part).join("multiboot2.mod").is_file())
        && Command::new("mformat")
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok()
}

/// Makes an ISO of `tree` at `out`, with what it takes on the way in `work`.
///
/// # Errors
/// What a program says that fails.
pub fn make_iso(tree: &Path, work: &Path, out: &Path, is_for_uefi: bool) -> Result<(), String> {
    let failed = |why: io::Error| format!("{}: {why}", work.display());
    fs::create_dir_all(work).map_err(failed)?;
    let commands = work.join("first.cfg");
    fs::write(&commands, FIRST_COMMANDS).map_err(failed)?;
    image(&format!("{BIOS}-eltorito"), BIOS, &["biosdisk"], &commands, &tree.join("boot/grub/bios.img"))?;
    let fat = work.join("efi.img");
    if is_for_uefi {
        make_fat(work, &commands, &fat)?;
    }
    set_times(tree).and_then(|()| set_times(work)).map_err(failed)?;
    let mut iso = Command::new("xorriso");
    iso.args(["-as", "mkisofs", "-quiet", "-r", "-V", "KENNEL", "-graft-points", "-o"]).arg(out);
    iso.args(["-b", "boot/grub/bios.img", "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table"]);
    iso.args(["--grub2-boot-info", "--grub2-mbr"]).arg(Path::new(PARTS).join(BIOS).join("boot_hybrid.img"));
    iso.args(["--protective-msdos-label"]);
    if is_for_uefi {
        iso.args(["--efi-boot", "efi.img", "-efi-boot-part", "--efi-boot-image"]);
        iso.arg(format!("efi.img={}", fat.display()));
    }
    quietly(iso.arg(tree))
}

/// Makes one of GRUB's images.
fn image(format: &str, part: &str, more: &[&str], commands: &Path, out: &Path) -> Result<(), String> {
    let mut grub = Command::new("grub-mkimage");
    grub.args(["-p", "/boot/grub", "-O", format, "-d"]).arg(Path::new(PARTS).join(part));
    grub.arg("-c").arg(commands).arg("-o").arg(out).args(MODULES).args(more);
    quietly(&mut grub)
}

/// Makes the file system that UEFI looks into.
fn make_fat(work: &Path, commands: &Path, fat: &Path) -> Result<(), String> {
    let files = UEFI.map(|(_, file)| work.join(file));
    for ((part, _), file) in UEFI.iter().zip(&files) {
        image(part, part, &[], commands, file)?;
    }
    if fat.exists() {
        fs::remove_file(fat).map_err(|why| format!("{}: {why}", fat.display()))?;
    }
    // A serial number of its own making would be the time.
    quietly(
        Command::new("mformat").args(["-C", "-f", FAT_KIB, "-N", "0", "-L", "16", "-i"]).arg(fat).arg("::"),
    )?;
    quietly(Command::new("mmd").arg("-i").arg(fat).args(["::/EFI", "::/EFI/BOOT"]))?;
    quietly(Command::new("mcopy").arg("-i").arg(fat).args(&files).arg("::/EFI/BOOT"))
}

/// Gives everything in a directory, and it, the time that `SOURCE_DATE_EPOCH` says.
fn set_times(path: &Path) -> io::Result<()> {
    let seconds = env::var("SOURCE_DATE_EPOCH").ok().and_then(|text| text.parse().ok());
    let Some(time) = seconds.map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds)) else { return Ok(()) };
    if path.is_dir() {
        for entry in path.read_dir()? {
            set_times(&entry?.path())?;
        }
    }
    File::open(path)?.set_modified(time)
}

/// Runs a program whose words matter only if it fails.
fn quietly(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().map_err(|why| format!("{name}: {why}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{name} failed: {}{}", lossy(&output.stdout), lossy(&output.stderr)))
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
