//! Where the kernels are, and how each is asked the same question.
//!
//! Next on the tour: [`super::load`].

use std::env;
use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use emulated::Boot;
use emulated::cpio;
use emulated::scratch::Scratch;

/// What the kernels start, and its name in their root directory.
const INIT: (&str, &[u8]) = ("init.kennel", include_bytes!("init"));

/// Kernels and what they start.
pub struct Folder {
    kernels: Vec<Kernel>,
    initrd: PathBuf,
    /// Keeps the initrd.
    _scratch: Scratch,
}

/// A kernel as it lies in the folder.
pub struct Kernel {
    /// The folder's name, which is its release.
    pub name: String,
    /// Its bzImage.
    pub image: PathBuf,
}

/// What it was found to do, or why it did not.
pub type Verdict = Result<String, String>;

impl Folder {
    /// The folder a person named, if one was.
    pub fn named() -> Option<Self> {
        let folder = PathBuf::from(env::var_os("KENNEL_LINUX")?);
        let given =
            env::var_os("KENNEL_LINUX_INITRD").map_or_else(|| folder.join("initrd.cpio.gz"), PathBuf::from);
        let given = fs::read(&given).unwrap_or_else(|why| panic!("{}: {why}", given.display()));
        let entries = fs::read_dir(&folder).unwrap_or_else(|why| panic!("{}: {why}", folder.display()));
        let mut kernels: Vec<Kernel> =
            entries.filter_map(|entry| Kernel::in_folder(&entry.ok()?.path())).collect();
        kernels.sort_by(|one, other| one.numbers().cmp(&other.numbers()).then(one.name.cmp(&other.name)));
        assert!(!kernels.is_empty(), "no <release>/bzImage in {}", folder.display());
        let scratch = Scratch::new();
        let initrd = scratch.file("initrd", [cpio::of_program(INIT.0, INIT.1), given].concat());
        Some(Self { kernels, initrd, _scratch: scratch })
    }

    /// Whether one of the kernels has this name.
    pub fn has(&self, name: &str) -> bool {
        self.kernels.iter().any(|kernel| kernel.name == name)
    }

    /// As many Guests of an image as there are `words`: those of a guest's line, and those of its
    /// kernel's.
    pub fn boot(&self, image: &Path, words: &[(&str, &str)]) -> Boot {
        words.iter().zip(["a", "b"]).fold(Boot::bare(), |boot, ((line, kernel_line), name)| {
            let own = format!("console=hvc0 rdinit=/{}", INIT.0);
            boot.with(image, format!("guest name={name} {line} -- {own} {kernel_line}"))
                .with(&self.initrd, format!("initrd for={name}"))
        })
    }
}

impl Kernel {
    fn in_folder(folder: &Path) -> Option<Self> {
        let (name, image) = (folder.file_name()?.to_string_lossy().into_owned(), folder.join("bzImage"));
        image.is_file().then_some(Self { name, image })
    }

    /// The numbers of its release.
    pub fn numbers(&self) -> Vec<u32> {
        let numbers = self.name.split(['.', '-']).map_while(|number| number.parse().ok());
        numbers.collect()
    }

    /// The same kernel as its linker made it, if that is there.
    pub fn elf(&self) -> Option<PathBuf> {
        Some(self.image.with_file_name("vmlinux")).filter(|elf| elf.is_file())
    }
}

/// Asks one question of every kernel; prints a line for each, and fails if one did.
pub fn ask(question: &str, answer: impl Fn(&Folder, &Kernel) -> Verdict) {
    ask_those(question, |_, _| true, answer);
}

/// The same of those that are `wanted`.
pub fn ask_those(
    question: &str,
    wanted: impl Fn(&Folder, &Kernel) -> bool,
    answer: impl Fn(&Folder, &Kernel) -> Verdict,
) {
    let Some(folder) = Folder::named() else {
        return tell(format_args!("linux: SKIP {question}: KENNEL_LINUX names no folder of kernels"));
    };
    let asked = folder.kernels.iter().filter(|kernel| wanted(&folder, kernel));
    let failed = asked.filter(|kernel| {
        // A machine that falls silent ends a test by a panic; the other kernels are asked all the same.
        let verdict = catch_unwind(AssertUnwindSafe(|| answer(&folder, kernel)))
            .unwrap_or_else(|_| Err("fell silent; its log is kept with this test".into()));
        match &verdict {
            Ok(found) => tell(format_args!("linux: PASS {} {question}: {found}", kernel.name)),
            Err(why) => tell(format_args!("linux: FAIL {} {question}: {why}", kernel.name)),
        }
        verdict.is_err()
    });
    let failed: Vec<&str> = failed.map(|kernel| kernel.name.as_str()).collect();
    assert!(failed.is_empty(), "{question}: {failed:?}");
}

/// Says it now, past the harness, which keeps what a test prints until it fails. A line that
/// cannot be said is no reason to fail.
pub fn tell(line: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{line}");
}
