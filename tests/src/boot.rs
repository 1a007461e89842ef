//! What is to be booted: a Host, its options, and modules with their command lines.
//!
//! Next on the tour: [`crate::iso`].

use std::path::PathBuf;

use crate::artefacts;

/// The word a test Guest's line needs, with a space before it, if its name says that it is about PCI.
pub fn bus(name: &str) -> &'static str {
    if name.contains("pci_") { " bus=pci" } else { "" }
}

/// A Host and its modules.
#[derive(Clone, Debug)]
pub struct Boot {
    /// The Host's image.
    pub host: PathBuf,
    /// The Host's own command line.
    pub options: String,
    /// What it is given to work with, in order.
    pub modules: Vec<Module>,
}

/// A Multiboot module: a file and what its command line says it is for.
#[derive(Clone, Debug)]
pub struct Module {
    /// The file.
    pub file: PathBuf,
    /// Its role and options, without the file's name.
    pub line: String,
}

impl Boot {
    /// The Host alone. It ends QEMU with its own exit code, which a [`crate::Session`] checks.
    pub fn bare() -> Self {
        Self { host: artefacts::host(), options: "debug-exit".into(), modules: Vec::new() }
    }

    /// The Host with one Guest of 16 MiB.
    pub fn guest(name: &str, command_line: &str) -> Self {
        let bus = bus(name);
        let line = format!("guest name={name} mem=16M{bus} -- {command_line}");
        Self::bare().with(artefacts::guest(name), line)
    }

    /// The same with one more module.
    #[must_use]
    pub fn with(mut self, file: impl Into<PathBuf>, line: impl Into<String>) -> Self {
        self.modules.push(Module { file: file.into(), line: line.into() });
        self
    }
}
