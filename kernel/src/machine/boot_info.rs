//! Takes the loader's word, in either dialect, into a [`BootInfo`].
//!
//! Runs before paging, when every physical address is simply there; what is
//! read stays where it is, since the frame pool keeps clear of it.
//!
//! Next on the tour: [`super::port`].

use core::slice;

use abi::HostPhys;
use abi::lguest_data::SWITCHER_BASE;
use kernel::platform::acpi;
use kernel::platform::boot_info::{BootError, BootInfo, Module, Region, Text};
use kernel::platform::multiboot1;
use kernel::platform::multiboot1::Memory;
use multiboot2::{BootInformation, BootInformationHeader, MemoryAreaType};

use super::boot::{LOADED_BY_1, LOADED_BY_2};

/// Where a tag's text begins: behind type and size, ...
const TEXT_AT: usize = 8;
/// ... and a module's behind start and end as well.
const MODULE_TEXT_AT: usize = 16;

/// Reads what the loader that left `magic` in EAX and `at` in EBX has to say.
///
/// # Errors
/// Any [`BootError`] about boot information.
///
/// # Safety
/// 1. `magic` and `at` are EAX and EBX at the first instruction. 2. Paging is off or maps memory
///    one to one. 3. What the loader left is never written from here on.
pub unsafe fn read(magic: u32, at: u32) -> Result<BootInfo, BootError> {
    let acpi_timer = acpi::timer_port(&Untouched);
    let info = match magic {
        LOADED_BY_1 => multiboot1::read(&Untouched, HostPhys(at)),
        LOADED_BY_2 => {
            // SAFETY: (1), (3): a version 2 loader left a structure that is 'static to us.
            let loaded = unsafe { BootInformation::load(at as *const BootInformationHeader) };
            read_2(&loaded.map_err(|_| BootError::BootInfo("its tags make no sequence"))?)
        }
        _ => Err(BootError::NotMultiboot(magic)),
    };
    info.map(|info| BootInfo { acpi_timer, ..info })
}

/// Takes the bytes of module `number` out of `info`, to be written; none are left there. `None` if
/// the loader has put something else into the same memory.
pub fn take_module(info: &mut BootInfo, number: usize) -> Option<&'static mut [u8]> {
    let bytes = core::mem::take(&mut info.modules[number].bytes);
    if bytes.is_empty() {
        return Some(&mut []);
    }
    let (at, len) = (bytes.as_ptr() as u32, bytes.len());
    if !info.is_alone(HostPhys(at), len) {
        return None;
    }
    // SAFETY: 1. The bytes are RAM that the Host maps writable and keeps out of the pool; 2. `info`
    // was their one holder, since a `BootInfo` is made by `read` only, and it has let go of them;
    // 3. nothing else the loader left lies there.
    Some(unsafe { slice::from_raw_parts_mut(at as *mut u8, len) })
}

/// Physical memory before anything is written to it.
struct Untouched;

impl Memory for Untouched {
    fn bytes(&self, at: HostPhys, len: u32) -> Option<&'static [u8]> {
        let end = at.checked_add(len)?;
        // SAFETY: 1. By `read`'s contract the loader's structures are never written again, which
        // is all this is used for; 2. `at` is not null; 3. bytes need no alignment.
        (at.0 != 0 && end.0 <= SWITCHER_BASE)
            .then(|| unsafe { slice::from_raw_parts(at.0 as *const u8, len as usize) })
    }
}

fn read_2(loaded: &BootInformation<'_>) -> Result<BootInfo, BootError> {
    let mut info = BootInfo::silent(2);
    let start = HostPhys(loaded.start_address() as u32);
    info.keep(start, loaded.total_size())?;
    info.loader = loaded.boot_loader_name_tag().map_or("", |tag| text_of(tag, TEXT_AT).words);
    info.command_line = loaded.command_line_tag().map_or(Text::default(), |tag| text_of(tag, TEXT_AT));
    for tag in loaded.module_tags() {
        let len = tag.end_address().checked_sub(tag.start_address());
        let len = len.ok_or(BootError::BootInfo("a module ends before it begins"))?;
        let at = HostPhys(tag.start_address());
        let bytes = if len == 0 { Some(&[][..]) } else { Untouched.bytes(at, len) };
        let bytes = bytes.ok_or(BootError::BootInfo("a module lies outside memory"))?;
        info.add_module(at, Module { command_line: text_of(tag, MODULE_TEXT_AT), bytes })?;
    }
    let map = loaded.memory_map_tag().ok_or(BootError::BootInfo("it says nothing about memory"))?;
    for area in map.memory_areas() {
        if area.typ() == MemoryAreaType::Available {
            info.add_ram(Region { start: area.start_address(), len: area.size() })?;
        }
    }
    Ok(info)
}

/// The text that a tag has from its byte `skip` on to its end, without a borrow: it is read from
/// memory that stays.
fn text_of<T: ?Sized>(tag: &T, skip: usize) -> Text {
    let at = HostPhys(core::ptr::from_ref(tag).addr() as u32 + skip as u32);
    let len = size_of_val(tag).saturating_sub(skip) as u32;
    Untouched.bytes(at, len).map_or(Text::default(), Text::read)
}
