//! One request, however a driver cuts it into buffers.

use super::*;

/// Cuts `len` bytes from `at` on into buffers at the places `cuts` names.
fn split(at: u32, len: u32, cuts: &[u32], direction: Direction) -> Vec<(u32, u32, Direction)> {
    let mut places: Vec<u32> = cuts.iter().map(|cut| cut % (len + 1)).collect();
    places.extend([0, len]);
    places.sort_unstable();
    places.windows(2).map(|pair| (at + pair[0], pair[1] - pair[0], direction)).collect()
}

proptest! {
    #[test]
    fn any_split_of_a_request_means_the_same(
        is_write: bool,
        sector in 0u64..8,
        sectors in 0u32..8,
        cuts in prop::collection::vec(any::<u32>(), 0..6),
        more_cuts in prop::collection::vec(any::<u32>(), 0..6),
        in_table: bool,
    ) {
        const READABLE: u32 = 0x1000;
        const WRITABLE: u32 = 0x8000;
        let len = sectors * 512;
        let (given, taken) = if is_write { (len, 0) } else { (0, len) };
        let mut bench = bench_on(Store::ReadWrite(disk_of(16).leak()));
        bench.put_header(READABLE, is_write.into(), sector);
        bench.ram[READABLE as usize + 16..][..given as usize].fill(0x5A);
        bench.ram[(WRITABLE + taken) as usize] = UNANSWERED;
        let mut buffers = split(READABLE, 16 + given, &cuts, Readable);
        buffers.extend(split(WRITABLE, taken + 1, &more_cuts, Writable));
        let head = if in_table {
            bench.driver.offer_in_table(&mut bench.ram, 0x100, &buffers)
        } else {
            bench.driver.offer(&mut bench.ram, &buffers)
        };
        prop_assert_eq!(bench.serve(), Ok(Progress::Idle));
        prop_assert_eq!(bench.driver.used(&bench.ram), [(u32::from(head), taken + 1)]);
        prop_assert_eq!(bench.ram[(WRITABLE + taken) as usize], 0);
        let place = sector as usize * 512..sector as usize * 512 + len as usize;
        let mut expected = disk_of(16);
        if is_write {
            expected[place].fill(0x5A);
        } else {
            prop_assert_eq!(&bench.ram[WRITABLE as usize..][..len as usize], &expected[place]);
        }
        prop_assert!(bench.stored() == expected);
    }
}
