//! A Guest's own tables of either format, walked slowly and obviously, nothing changed.

use abi::lguest_data::SWITCHER_BASE;
use abi::{GuestLinear, GuestPhys, PAGE_SIZE};
use kernel::shadow::entry::{A, D, P, PS, U, W};
use kernel::shadow::walk::Format;

use crate::ram::Ram;

/// What the tables say of an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Found {
    /// It is mapped to this page, with these of W and U, by the entry that lies there.
    Page { page: u32, rights: u32, entry_at: Option<u32> },
    /// It is not mapped.
    Nothing,
    /// Something on the way is not what the treaty allows.
    Bad,
    /// As [`Found::Bad`], but what the entry forbids is a fault first.
    BadBehind { rights: u32 },
}

/// Walks to `at` below `top`, or without tables if there is none.
pub fn walk(ram: &Ram, format: Format, top: Option<GuestPhys>, at: GuestLinear) -> Found {
    match top {
        _ if at.0 >= SWITCHER_BASE => Found::Nothing,
        None if at.0 >> 12 < pages(ram) => Found::Page { page: at.page_base().0, rights: W, entry_at: None },
        None => Found::BadBehind { rights: W },
        Some(top) => match format {
            Format::TwoLevel => {
                let table = below(ram, top.0 + (at.0 >> 22) * 4, None, P | W | U | A | D);
                table.map_or_else(
                    |found| found,
                    |(table, rights)| leaf(ram, table + (at.0 >> 12 & 0x3FF) * 4, None, rights),
                )
            }
            Format::Pae => pae(ram, top.0, at.0).unwrap_or_else(|found| found),
        },
    }
}

fn pae(ram: &Ram, top: u32, at: u32) -> Result<Found, Found> {
    let pointer = top + (at >> 30) * 8;
    let (middle, _) = below(ram, pointer, Some(pointer + 4), P)?;
    let directory = middle + (at >> 21 & 0x1FF) * 8;
    let (table, rights) = below(ram, directory, Some(directory + 4), P | W | U | A | D)?;
    let entry = table + (at >> 12 & 0x1FF) * 8;
    Ok(leaf(ram, entry, Some(entry + 4), rights))
}

fn pages(ram: &Ram) -> u32 {
    ram.0.len() as u32 / PAGE_SIZE
}

/// Whether a high dword leads beyond 4 GiB; NX alone means nothing.
fn is_high(ram: &Ram, high: Option<u32>) -> bool {
    high.is_some_and(|high| ram.word(high) & 0x7FFF_FFFF != 0)
}

/// The table an upper entry leads to, and its W and U.
fn below(ram: &Ram, low: u32, high: Option<u32>, flags: u32) -> Result<(u32, u32), Found> {
    let entry = ram.word(low);
    if entry & P == 0 {
        return Err(Found::Nothing);
    }
    if is_high(ram, high) || entry & 0xFFF & !flags != 0 || entry >> 12 >= pages(ram) {
        return Err(Found::Bad);
    }
    Ok((entry & !0xFFF, entry & (W | U)))
}

/// What the last entry says.
fn leaf(ram: &Ram, low: u32, high: Option<u32>, above: u32) -> Found {
    let entry = ram.word(low);
    let rights = entry & above & (W | U);
    if entry & P == 0 {
        Found::Nothing
    } else if is_high(ram, high) {
        Found::Bad
    } else if entry & PS != 0 || entry >> 12 >= pages(ram) {
        Found::BadBehind { rights }
    } else {
        Found::Page { page: entry & !0xFFF, rights, entry_at: Some(low) }
    }
}
