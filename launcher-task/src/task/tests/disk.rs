//! What is left of a disk in the next life.

use super::*;

/// A first life writes to the disk's first sector and restarts; what a second life reads there.
fn second_life_reads(store: Store<'static>) -> u8 {
    const DISK_RING: u32 = PAGE + 0x1000;
    const DATA: u32 = 0x5010;
    let request = |ram: &mut [u8], kind: u8| {
        ram[0x5000..0x5010].fill(0);
        ram[0x5000] = kind;
        let direction = if kind == 1 { Readable } else { Writable };
        let buffers = [(0x5000, 16, Readable), (DATA, 512, direction), (0x6000, 1, Writable)];
        Driver::new(GuestPhys(DISK_RING)).offer(ram, &buffers);
        Stop::Notify(GuestPhys(DISK_RING))
    };
    let mut bench = bench_of(ElfFile::small().0, vec![Box::new(BlockDevice::new("d", store))]);
    bench.guest.then(move |ram| {
        ram[DATA as usize..][..512].fill(2);
        request(ram, 1)
    });
    bench.guest.stops(shutdown(true, b""));
    while bench.launcher.is_starting() || bench.guest.resets.len() < 2 {
        assert_eq!(bench.step(0), Step::Runnable);
    }
    bench.guest.then(move |ram| request(ram, 0));
    bench.guest.stops(Stop::Preempted);
    bench.step(0);
    assert_eq!(bench.guest.raised, [1, 1]);
    bench.guest.ram[DATA as usize]
}

#[test]
fn a_disk_comes_back_as_its_mode_says() {
    let module = || vec![1; 512].leak();
    let overlay = |is_kept| {
        let room = vec![0; Overlay::room(512)].leak();
        Store::Overlay(Overlay::new(module(), room, is_kept))
    };
    assert_eq!(second_life_reads(Store::ReadWrite(module())), 2);
    assert_eq!(second_life_reads(Store::ReadOnly(module())), 1);
    assert_eq!(second_life_reads(overlay(false)), 1);
    assert_eq!(second_life_reads(overlay(true)), 2);
}
