//! A directory of one's own, gone when it is dropped.
//!
//! Next on the tour: [`crate::link`].

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, process};

/// A fresh directory for the files of one machine.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes a directory no other test and no other process uses.
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("kennel-{}-{count}", process::id()));
        fs::create_dir_all(&path).expect("the directory for temporary files is writable");
        Self(path)
    }

    /// The path of `name` in this directory; nothing is created.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file and returns its path.
    pub fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a file lies in a directory")).expect("still writable");
        fs::write(&path, contents).expect("still writable");
        path
    }

    /// Writes the disk that test Guests know, of 1 MiB: each byte is the low one of its sector's number.
    pub fn numbered_disk(&self) -> PathBuf {
        let bytes: Vec<u8> = (0..2048).flat_map(|sector| [sector as u8; 512]).collect();
        self.file("d.img", bytes)
    }

    /// What the file `name` holds, as text; nothing if there is no such file.
    pub fn text(&self, name: &str) -> String {
        fs::read(self.path(name))
            .map_or_else(|_| String::new(), |bytes| String::from_utf8_lossy(&bytes).into())
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A directory that stays behind harms nobody, so a failure here is not worth a panic.
        let _ = fs::remove_dir_all(&self.0);
    }
}
