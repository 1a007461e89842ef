//! Boot modules made into disks.
//!
//! A disk that can be written is the module's own memory; one whose changes are
//! kept beside it has room of its own, made when the Host starts, so that no
//! write can ever find that there is none.
//!
//! Next on the tour: [`crate::tasks::seat`].

use kernel::platform::boot_info::BootInfo;
use launcher_task::config::{DiskMode, DiskPlan};
use launcher_task::{BlockDevice, Overlay, Store};

use crate::machine::boot_info::take_module;
use crate::machine::memory::Memory;

/// Makes the disk of `plan` for one Guest.
///
/// # Errors
/// What is in the way, as the rest of a line that names the disk.
pub fn make(
    plan: &DiskPlan,
    info: &mut BootInfo,
    memory: &mut Memory,
) -> Result<BlockDevice<'static>, &'static str> {
    let store = match plan.mode {
        DiskMode::ReadWrite => {
            let bytes = take_module(info, plan.module);
            Store::ReadWrite(bytes.ok_or("the loader put something else into the same memory")?)
        }
        DiskMode::ReadOnly => Store::ReadOnly(info.modules[plan.module].bytes),
        DiskMode::CopyOnWrite { is_kept } => {
            let base = info.modules[plan.module].bytes;
            let room = memory.own_bytes(Overlay::room(base.len()));
            Store::Overlay(Overlay::new(base, room.ok_or("no memory is left to keep changes in")?, is_kept))
        }
    };
    Ok(BlockDevice::new(&plan.name, store))
}
