//! Whatever a file, an initrd and a command line are, they are refused, or memory holds exactly
//! them, the boot parameters and the device page, and zeroes.
#![no_main]

use abi::boot_params::{COMMAND_LINE_AT, E820_MAP, RAMDISK_IMAGE, RAMDISK_SIZE};
use abi::{GuestMemory, GuestPhys};
use kennel_fuzz::bent_file::BentFile;
use kennel_fuzz::noise;
use kennel_fuzz::player::Player;
use launcher_task::{Launcher, config, elf::Elf};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

const MIB: u32 = 1 << 20;

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    noise::mutate(data, size, max_size, seed)
});

fuzz_target!(|input: (BentFile<'_>, u32, &str)| {
    let (file, initrd_len, command_line) = input;
    let mut plan = config::read_modules(&["guest name=a mem=1M"]).plans.remove(0);
    plan.command_line = command_line.into();
    let file = file.bytes(2 * MIB);
    let initrd = vec![0x5A; (initrd_len % (MIB + 8192)) as usize];
    let mut launcher = match Launcher::admit(plan, &file, Some(&initrd), Vec::new()) {
        Ok(launcher) => launcher,
        Err(why) => return assert!(!why.to_string().contains('\n')),
    };
    let mut guest = Player::new(launcher.limit());
    launcher.start(&mut guest).expect("what is admitted loads");
    let word = |at| guest.ram.read_u32(GuestPhys(at)).expect("it lies in memory");
    assert_eq!([word(E820_MAP), word(E820_MAP + 4), word(E820_MAP + 8)], [0, 0, MIB]);
    let place = if initrd.is_empty() { MIB } else { word(RAMDISK_IMAGE) };
    assert_eq!(word(RAMDISK_SIZE), MIB - place);
    let elf = Elf::admit(&file).expect("it was admitted");
    assert_eq!(guest.resets, [elf.entry]);
    let segments: Vec<_> = elf.segments().map(|segment| segment.expect("it was admitted")).collect();
    let has_entry = |at: u32, len: u32| at <= elf.entry.0 && elf.entry.0 - at < len;
    assert!(segments.iter().any(|segment| has_entry(segment.at.0, segment.memory_len)));
    segments.iter().for_each(|segment| guest.take(segment.at.0, segment.bytes));
    guest.take(place, &initrd);
    guest.take(COMMAND_LINE_AT, command_line.as_bytes());
    guest.ram.0[..COMMAND_LINE_AT as usize].fill(0);
    guest.ram.0[MIB as usize..][..4096].fill(0);
    guest.assert_empty();
});
