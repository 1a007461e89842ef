//! Whatever the header of a bzImage says, it is refused, or memory holds its protected-mode part,
//! its header with the Launcher's fields in it, what comes with it, and zeroes.
#![no_main]

use abi::boot_params::{COMMAND_LINE_AT, E820_ENTRIES, E820_MAP, SETUP_HEADER};
use kennel_fuzz::bent_bzimage::BentBzImage;
use kennel_fuzz::noise;
use kennel_fuzz::player::Player;
use launcher_task::{Launcher, bzimage::is_bzimage, config};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

const MIB: u32 = 1 << 20;
/// Memory of the Guest: the kernel loads at 1 MiB and has a little room.
const MEMORY: u32 = 2 * MIB;

/// The header as the Launcher must have left it: its own fields by their numbers, the others the
/// file's.
fn expected_header(file: &[u8], place: Option<(u32, u32)>) -> Vec<u8> {
    let end = 0x202 + usize::from(file[0x201]);
    let mut page = vec![0; 0x290.max(end)];
    page[0x1F1..end].copy_from_slice(&file[0x1F1..end]);
    let (at, len) = place.unwrap_or((0, 0));
    page[0x206..0x208].copy_from_slice(&[7, 2]);
    page[0x210] = if place.is_some() { 0xFF } else { 0 };
    page[0x211] |= 0x40;
    page[0x218..0x21C].copy_from_slice(&at.to_le_bytes());
    page[0x21C..0x220].copy_from_slice(&len.to_le_bytes());
    page[0x228..0x22C].copy_from_slice(&[0, 0x10, 0, 0]);
    if page[0x230..0x234] == [0; 4] {
        page[0x233] = 1;
    }
    page[0x23C..0x240].copy_from_slice(&[1, 0, 0, 0]);
    page.split_off(0x1F1)
}

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    noise::mutate(data, size, max_size, seed)
});

fuzz_target!(|input: (BentBzImage<'_>, u16, &str)| {
    let (file, initrd_len, command_line) = input;
    let mut plan = config::read_modules(&["guest name=a mem=2M"]).plans.remove(0);
    plan.command_line = command_line.into();
    let file = file.bytes();
    let initrd = vec![0x5A; usize::from(initrd_len)];
    let mut launcher = match Launcher::admit(plan, &file, Some(&initrd), Vec::new()) {
        Ok(launcher) => launcher,
        Err(why) => return assert!(!why.to_string().contains('\n')),
    };
    assert!(is_bzimage(&file));
    let release = launcher.release().map(|release| release.to_string()).unwrap_or_default();
    assert!(release.len() < 64 && release.bytes().all(|byte| byte.is_ascii_graphic()));
    let mut guest = Player::new(launcher.limit());
    launcher.start(&mut guest).expect("what is admitted loads");
    let dword = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().expect("four bytes"));
    let sectors = if file[0x1F1] == 0 { 4 } else { usize::from(file[0x1F1]) };
    let code = &file[(sectors + 1) * 512..];
    let code = &code[..code.len().min(dword(0x1F4) as usize * 16)];
    assert_eq!(guest.resets, [abi::GuestPhys(dword(0x214))]);
    assert!((MIB..MIB + code.len() as u32).contains(&dword(0x214)));
    let place = (!initrd.is_empty()).then(|| {
        let at = u32::from_le_bytes(guest.ram.0[0x218..0x21C].try_into().expect("four bytes"));
        (at, (initrd.len() as u32).next_multiple_of(4096))
    });
    guest.take(SETUP_HEADER, &expected_header(&file, place));
    if let Some((at, len)) = place {
        assert!(at + len <= MEMORY && (at + len - 1 <= dword(0x22C) || dword(0x22C) == 0));
        guest.take(at, &initrd);
    }
    guest.take(MIB, code);
    guest.take(COMMAND_LINE_AT, command_line.as_bytes());
    guest.take(E820_ENTRIES, &[1]);
    guest.take(E820_MAP + 8, &MEMORY.to_le_bytes());
    guest.take(E820_MAP + 16, &[1]);
    // The page of devices; a kernel that looks for them on PCI has none.
    guest.ram.0[MEMORY as usize..].iter_mut().take(4096).for_each(|byte| *byte = 0);
    guest.assert_empty();
});
