//! Disks: which files they are, what they are called, and who has them.
//!
//! ```text
//!   root.img          the Guest's own: what it writes is kept until the machine ends
//!   root.img,ro       writes are refused
//!   root.img,cow      writes go when the Guest restarts; cow=keep: they outlive that
//!   root.img,as=root  what the disk calls itself
//! ```
//!
//! Next on the tour: [`crate::menu`].

use crate::guest::{Guest, NONE, is_disk_word};
use crate::module::{BuiltIn, Check, Module, Source, after_file, readable, unused};

/// What the demo's usual disk is called, however many demos have it.
const EXAMPLE: &str = "vda";

/// The disks of all Guests so far.
pub struct Disks {
    known: Vec<Disk>,
    guests: usize,
    check: Check,
}

struct Disk {
    source: Source,
    /// `ro` and the like, or nothing.
    mode: String,
    name: String,
    /// The Guests that have it.
    users: Vec<String>,
}

/// A disk as one Guest asks for it.
struct Request<'a> {
    file: &'a str,
    mode: &'a str,
    name: Option<&'a str>,
}

impl<'a> Request<'a> {
    /// Takes the words off the end of a text; what is left is the file's name, commas and all.
    fn read(text: &'a str) -> Self {
        let mut request = Self { file: text, mode: "", name: None };
        while let Some((file, word)) = request.file.rsplit_once(',').filter(|(_, word)| is_disk_word(word)) {
            match word.strip_prefix("as=") {
                Some(name) => request.name = Some(name),
                None => request.mode = word,
            }
            request.file = file;
        }
        request
    }
}

impl Disks {
    /// None yet, for so many Guests.
    pub fn new(guests: usize, check: Check) -> Self {
        Self { known: Vec::new(), guests, check }
    }

    /// The names of a Guest's disks. Those that are new become modules.
    ///
    /// # Errors
    /// A sentence that names the file and the Guest.
    pub fn of(
        &mut self,
        guest: &Guest,
        name: &str,
        modules: &mut Vec<Module>,
    ) -> Result<Vec<String>, String> {
        let texts: Vec<&str> = match guest.disk.texts() {
            [] if BuiltIn::named(&guest.kernel) == Some(BuiltIn::Demo) => {
                return Ok(vec![self.example(name, modules)]);
            }
            [only] if only == NONE => return Ok(Vec::new()),
            texts => texts.iter().map(String::as_str).collect(),
        };
        let mut names = Vec::new();
        for (place, text) in texts.into_iter().enumerate() {
            let request = Request::read(text);
            let source = readable(request.file, "disk", name)?;
            names.push(self.find_or_add(source, &request, place, name, modules)?);
        }
        Ok(names)
    }

    /// What the demo gets if nobody says otherwise. Several share it, and keep their changes to themselves.
    fn example(&mut self, guest: &str, modules: &mut Vec<Module>) -> String {
        let mode = if self.guests == 1 { "" } else { "cow" };
        let request = Request { file: "example", mode, name: Some(EXAMPLE) };
        self.share(&Source::Example, &request, guest)
            .unwrap_or_else(|| self.add(Source::Example, &request, 0, guest, modules))
    }

    fn find_or_add(
        &mut self,
        source: Source,
        request: &Request<'_>,
        place: usize,
        guest: &str,
        modules: &mut Vec<Module>,
    ) -> Result<String, String> {
        if self.check == Check::BeforeBoot {
            self.refuse_two_writers(&source, request, guest)?;
        }
        if let Some(name) = self.share(&source, request, guest) {
            return Ok(name);
        }
        Ok(self.add(source, request, place, guest, modules))
    }

    fn refuse_two_writers(&self, source: &Source, request: &Request<'_>, guest: &str) -> Result<(), String> {
        let is_meant =
            |disk: &&Disk| disk.source == *source && (disk.mode.is_empty() || request.mode.is_empty());
        let Some(other) = self.known.iter().find(is_meant) else { return Ok(()) };
        let other = &other.users[0];
        let whose = if other == guest {
            format!("twice a disk of guest {guest}")
        } else {
            format!("a disk of guest {other} and of guest {guest}")
        };
        Err(format!(
            "{} is {whose}, and what is written to it would be one's alone; \
             say {0},cow (each keeps its writes to itself) or {0},ro for both",
            request.file
        ))
    }

    /// The same file in the same way is the same disk, for another Guest, if it does not change.
    fn share(&mut self, source: &Source, request: &Request<'_>, guest: &str) -> Option<String> {
        let is_same = |disk: &&mut Disk| {
            disk.source == *source
                && disk.mode == request.mode
                && !disk.mode.is_empty()
                && !disk.users.iter().any(|user| user == guest)
                && request.name.is_none_or(|name| name == disk.name)
        };
        let disk = self.known.iter_mut().find(is_same)?;
        disk.users.push(guest.into());
        Some(disk.name.clone())
    }

    fn add(
        &mut self,
        source: Source,
        request: &Request<'_>,
        place: usize,
        guest: &str,
        modules: &mut Vec<Module>,
    ) -> String {
        let is_taken = |name: &str| self.known.iter().any(|disk| disk.name == name);
        let name = match request.name {
            Some(name) => name.to_string(),
            None if self.guests == 1 => format!("vd{}", letters(place)),
            None => unused(&after_file(request.file), is_taken),
        };
        let how = if request.mode.is_empty() { String::new() } else { format!(" {}", request.mode) };
        modules.push(Module {
            source: source.clone(),
            place: format!("disk{}", self.known.len()),
            line: format!("disk name={name}{how}"),
            owner: format!("disk {} of guest {guest}", request.file),
        });
        self.known.push(Disk {
            source,
            mode: request.mode.into(),
            name: name.clone(),
            users: vec![guest.into()],
        });
        name
    }
}

/// The letters by which Linux would tell the disk in that place: a, b, … z, aa, …
fn letters(place: usize) -> String {
    let last = char::from(b'a' + (place % 26) as u8);
    if place < 26 { last.into() } else { letters(place / 26 - 1) + &last.to_string() }
}
