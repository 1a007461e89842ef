//! The page about the Host, as one Guest may see it: itself, and who else is on its network.
//!
//! ```text
//!   guest a: runs, 16 MiB          what the Host says of the one that asks
//!       exits all=5210 ...
//!
//!   who is on this network:
//!   gateway 10.77.0.1              names and addresses, and nothing more
//!   a 10.77.0.8
//!   b 10.77.0.16
//! ```
//!
//! Invariants: nobody reads of another more than its name and its address on the network they share
//! (`the_page_shows_a_guest_itself_and_names_of_its_neighbours`).
//!
//! Next on the tour: [`super`].

use core::fmt::{self, Write};

use crate::net::{subnet::Subnet, switch::Switch};

/// What the Host says of the Guest of that name, as text of a few lines.
pub type About<'a> = dyn Fn(&str, &mut dyn Write) -> fmt::Result + 'a;

/// What is needed for a page.
pub struct Page<'p, 'a> {
    /// Knows the Guests.
    pub about: &'p About<'p>,
    /// Knows who is on the network.
    pub switch: &'p Switch<'a>,
    /// Its addresses.
    pub subnet: Subnet,
    /// Room to write it in.
    pub room: &'p mut [u8],
}

/// Text in a stretch of memory: what does not fit is left out.
struct Text<'r> {
    room: &'r mut [u8],
    len: usize,
}

impl Page<'_, '_> {
    /// Writes the page that the Guest at port `reader` sees, or one for nobody if there is none.
    pub fn write(&mut self, reader: Option<usize>) -> &[u8] {
        let mut text = Text { room: self.room, len: 0 };
        // A page that does not fit ends where the room does.
        let _ = write_all(self.about, self.switch, self.subnet, reader, &mut text);
        let len = text.len;
        &self.room[..len]
    }
}

fn write_all(
    about: &About<'_>,
    switch: &Switch<'_>,
    subnet: Subnet,
    reader: Option<usize>,
    out: &mut dyn Write,
) -> fmt::Result {
    out.write_str("<!DOCTYPE html><title>Kennel</title><h1>Kennel</h1><pre>\n")?;
    if let Some(port) = reader.and_then(|port| switch.ports().get(port)) {
        about(&port.name, out)?;
    }
    out.write_str("\nwho is on this network:\n")?;
    for (number, port) in switch.ports().iter().enumerate().filter(|(_, port)| port.is_plugged()) {
        writeln!(out, "{} {}", port.name, subnet.of(number))?;
    }
    out.write_str("</pre>\n")
}

impl Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.room.get_mut(self.len..self.len + text.len()).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.len += text.len();
        Ok(())
    }
}
