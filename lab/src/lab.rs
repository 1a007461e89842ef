//! What shall run: Guests, and the machine for them. Each option is a key of a file, by the same name.
//!
//! ```text
//!   scripts/run --guest demo --guest demo,name=b --timeout 60
//!
//!   timeout = 60
//!   [[guest]]
//!   kernel = "demo"
//!   [[guest]]
//!   kernel = "demo"
//!   name = "b"
//! ```
//!
//! Paths in a file begin where the file is, those that are typed where they were typed.
//!
//! Invariants:
//! - What is typed overrules the file (`what_is_typed_overrules_the_file`).
//! - Every path that is not absolute begins somewhere (`paths_begin_where_they_were_written`).
//!
//! Next on the tour: [`crate::module`].

use std::fs;
use std::path::Path;

use clap::{Args, ValueHint};
use serde::Deserialize;

use crate::guest::{Guest, NONE};
use crate::module::BuiltIn;

/// Largest number of seconds or MiB.
const NUMBER_MAX: u32 = 999_999;

/// Guests and their machine.
#[derive(Args, Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Lab {
    /// a Guest; again for one more
    #[arg(long, value_name = "FILE[,KEY=VALUE…]", value_hint = ValueHint::FilePath, allow_hyphen_values = true)]
    pub guest: Vec<Guest>,
    /// options of the Host
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub host: Option<String>,
    /// what goes over a network
    #[arg(long, value_name = "FILE[,NETWORK]", value_hint = ValueHint::FilePath, allow_hyphen_values = true)]
    pub pcap: Option<String>,
    /// what happens to the Guests
    #[arg(long, value_name = "FILE[,KIND…]", value_hint = ValueHint::FilePath, allow_hyphen_values = true)]
    pub trace: Option<String>,
    /// a core file of the first Guest that is killed
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, allow_hyphen_values = true)]
    pub core: Option<String>,
    /// memory of the machine
    #[arg(long, value_name = "MIB", value_parser = number, allow_hyphen_values = true)]
    pub machine_mem: Option<u32>,
    /// boot in Bochs
    #[arg(long)]
    pub bochs: bool,
    /// boot in v86
    #[arg(long)]
    pub v86: bool,
    /// wait for GDB before the first instruction
    #[arg(long)]
    pub gdb: bool,
    /// GDB may debug the Guests
    #[arg(long)]
    pub gdb_guest: bool,
    /// end the machine after that time
    #[arg(long, value_name = "S", value_parser = number, allow_hyphen_values = true)]
    pub timeout: Option<u32>,
    /// end the machine when it has been idle for that time
    #[arg(long, value_name = "S", value_parser = number, allow_hyphen_values = true)]
    pub idle: Option<u32>,
}

fn number(text: &str) -> Result<u32, String> {
    let number = text.parse().ok().filter(|number| *number <= NUMBER_MAX);
    number.ok_or_else(|| format!("that is no whole number from 0 to {NUMBER_MAX}"))
}

impl Lab {
    /// Reads a file.
    ///
    /// # Errors
    /// A sentence that names the file, and the key or the line in it.
    pub fn read(file: &Path) -> Result<Self, String> {
        let text =
            fs::read_to_string(file).map_err(|why| format!("cannot read {}: {why}", file.display()))?;
        let lab: Result<Self, _> = toml::from_str(&text);
        let mut lab = lab.map_err(|why| {
            let why = why.to_string().replace("unknown field", "unknown key");
            format!("{}: {}", file.display(), why.trim_end())
        })?;
        if let Some(number) = [lab.machine_mem, lab.timeout, lab.idle].into_iter().flatten().max()
            && number > NUMBER_MAX
        {
            return Err(format!("{}: {number} is more than {NUMBER_MAX}", file.display()));
        }
        lab.begin_paths_at(file.parent().unwrap_or(Path::new("")));
        Ok(lab)
    }

    /// This and what `file` says besides; Guests are those of the file, then these.
    pub fn over(self, file: Self) -> Self {
        Self {
            guest: [file.guest, self.guest].concat(),
            host: self.host.or(file.host),
            pcap: self.pcap.or(file.pcap),
            trace: self.trace.or(file.trace),
            core: self.core.or(file.core),
            machine_mem: self.machine_mem.or(file.machine_mem),
            bochs: self.bochs || file.bochs,
            v86: self.v86 || file.v86,
            gdb: self.gdb || file.gdb,
            gdb_guest: self.gdb_guest || file.gdb_guest,
            timeout: self.timeout.or(file.timeout),
            idle: self.idle.or(file.idle),
        }
    }

    /// Makes every path begin at `place` that does not begin at the root.
    pub fn begin_paths_at(&mut self, place: &Path) {
        for path in [&mut self.pcap, &mut self.trace, &mut self.core].into_iter().flatten() {
            begin_at(place, path);
        }
        for guest in &mut self.guest {
            guest.begin_paths_at(place);
        }
    }
}

impl Guest {
    /// Makes every path begin at `place` that does not begin at the root.
    pub fn begin_paths_at(&mut self, place: &Path) {
        if BuiltIn::named(&self.kernel).is_none() {
            begin_at(place, &mut self.kernel);
        }
        for path in [&mut self.initrd, &mut self.symbols].into_iter().flatten() {
            begin_at(place, path);
        }
        for disk in self.disk.texts_mut().iter_mut().filter(|disk| *disk != NONE) {
            begin_at(place, disk);
        }
    }
}

fn begin_at(place: &Path, path: &mut String) {
    *path = place.join(&*path).display().to_string();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lab(text: &str) -> Lab {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn what_is_typed_overrules_the_file() {
        let file = lab("timeout = 60\nidle = 3\nbochs = true\n[[guest]]\nkernel = 'demo'");
        let typed = lab("timeout = 5\n[[guest]]\nkernel = 'b'");
        let both = typed.over(file);
        assert_eq!((both.timeout, both.idle, both.bochs), (Some(5), Some(3), true));
        assert_eq!(both.guest.iter().map(|guest| guest.kernel.as_str()).collect::<Vec<_>>(), ["demo", "b"]);
    }

    #[test]
    fn paths_begin_where_they_were_written() {
        let mut lab = lab("pcap = 'x.pcap'\n[[guest]]\nkernel = 'vmlinux'\ninitrd = '/i'\ndisk = 'd,ro'\n\
                           [[guest]]\nkernel = 'demo'\ndisk = 'none'");
        lab.begin_paths_at(Path::new("/there"));
        let [linux, demo] = lab.guest.as_slice() else { panic!("two Guests") };
        assert_eq!((linux.kernel.as_str(), linux.initrd.as_deref()), ("/there/vmlinux", Some("/i")));
        assert_eq!(
            (linux.disk.texts()[0].as_str(), lab.pcap.as_deref()),
            ("/there/d,ro", Some("/there/x.pcap"))
        );
        assert_eq!((demo.kernel.as_str(), demo.disk.texts()[0].as_str()), ("demo", "none"));
    }

    #[test]
    fn a_number_is_whole_and_not_too_large() {
        assert_eq!((number("0"), number("999999")), (Ok(0), Ok(999_999)));
        for wrong in ["", "-1", "soon", "1.5", "1000000", "99999999999999999999"] {
            assert!(number(wrong).is_err(), "{wrong}");
        }
    }
}
