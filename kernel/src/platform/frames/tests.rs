//! The frame pool under small cases drawn by hand, and one long random one.
use super::*;

const PAGE: u64 = PAGE_SIZE as u64;
const LIMIT: HostPhys = HostPhys(0xFFC0_0000);

/// A pool of frames 16..80.
fn pool() -> FramePool {
    let ram = [Region { start: 16 * PAGE, len: 64 * PAGE }];
    FramePool::new(&ram, &[], HostPhys(0), LIMIT).unwrap()
}

fn extents(pool: &FramePool) -> Vec<(u32, u32)> {
    pool.extents.iter().map(|extent| (extent.first, extent.end)).collect()
}

#[test]
fn only_whole_frames_count() {
    let ram = [Region { start: 16 * PAGE + 1, len: 4 * PAGE }];
    let pool = FramePool::new(&ram, &[], HostPhys(0), LIMIT).unwrap();
    assert_eq!((extents(&pool), pool.total()), (vec![(17, 20)], 3));
}

#[test]
fn memory_in_use_is_cut_out_to_the_last_byte() {
    let ram = [Region { start: 0, len: 100 * PAGE }];
    let in_use = [Region { start: 20 * PAGE - 1, len: 2 }, Region { start: 90 * PAGE, len: 1000 * PAGE }];
    let pool = FramePool::new(&ram, &in_use, HostPhys(10 * PAGE_SIZE), LIMIT).unwrap();
    assert_eq!(extents(&pool), [(10, 19), (21, 90)]);
}

#[test]
fn ram_beyond_the_limit_is_left_alone() {
    let ram = [Region { start: 1 << 32, len: 1 << 30 }, Region { start: 0xFFBF_F000, len: 1 << 20 }];
    let pool = FramePool::new(&ram, &[], HostPhys(0), LIMIT).unwrap();
    assert_eq!(extents(&pool), [(0xFFBFF, 0xFFC00)]);
}

#[test]
fn regions_that_overlap_count_once() {
    let ram = [Region { start: 0, len: 8 * PAGE }, Region { start: 4 * PAGE, len: 8 * PAGE }];
    let pool = FramePool::new(&ram, &[], HostPhys(0), LIMIT).unwrap();
    assert_eq!((extents(&pool), pool.free()), (vec![(0, 12)], 12));
}

#[test]
fn neighbours_merge_again() {
    let mut pool = pool();
    let (a, b, c) = (pool.take(8, 1).unwrap(), pool.take(8, 1).unwrap(), pool.take(8, 1).unwrap());
    pool.give_back(a);
    pool.give_back(c);
    assert_eq!(extents(&pool), [(16, 24), (32, 80)]);
    pool.give_back(b);
    assert_eq!(extents(&pool), [(16, 80)]);
}

#[test]
fn a_run_is_aligned_and_leaves_the_front_free() {
    let mut pool = pool();
    let run = pool.take(8, 32).unwrap();
    assert_eq!((run.start(), run.pages(), run.len()), (HostPhys(32 * PAGE_SIZE), 8, 8 * PAGE_SIZE));
    assert_eq!(extents(&pool), [(16, 32), (40, 80)]);
}

#[test]
fn small_runs_come_from_the_smallest_extent() {
    let mut pool = pool();
    let middle = pool.take(8, 32).unwrap();
    assert_eq!(pool.take(4, 1).unwrap().start(), HostPhys(16 * PAGE_SIZE));
    pool.give_back(middle);
}

#[test]
fn what_does_not_fit_is_none() {
    let mut pool = pool();
    assert_eq!(pool.take(65, 1), None);
    assert_eq!(pool.take(0, 1), None);
    assert_eq!(pool.take(u32::MAX, 1024), None);
    assert_eq!(pool.free(), 64);
}

#[test]
#[should_panic(expected = "given back twice")]
fn giving_back_a_free_frame_is_the_hosts_bug() {
    let mut pool = pool();
    let run = pool.take(8, 1).unwrap();
    let forged = FrameRun(run.0);
    pool.give_back(run);
    pool.give_back(forged);
}

/// Takes and gives back in a random order for a long time, with as many runs out as may be.
#[test]
fn the_pool_never_has_more_extents_than_it_has_room_for() {
    let ram = [Region { start: 0, len: 4096 * PAGE }];
    let mut pool = FramePool::new(&ram, &[], HostPhys(0), LIMIT).unwrap();
    let mut out = Vec::new();
    let mut seed = 1_u32;
    // Miri is a thousand times slower, and looks for something else.
    let turns = if cfg!(miri) { 200 } else { 20_000 };
    for _ in 0..turns {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let random = seed >> 16;
        if random % 5 < 3 {
            out.extend(pool.take(random % 7 + 1, 1 << (random % 4)));
        } else if !out.is_empty() {
            let run = out.swap_remove(random as usize % out.len());
            pool.give_back(run);
        }
        let lent: u32 = out.iter().map(FrameRun::pages).sum();
        assert_eq!(pool.free() + lent, pool.total());
        assert!(pool.extents.windows(2).all(|pair| pair[0].end < pair[1].first));
        assert!(pool.extents.len() <= MAX_RUNS + 1);
    }
    out.into_iter().for_each(|run| pool.give_back(run));
    assert_eq!(extents(&pool), [(0, 4096)]);
}

#[test]
fn what_is_kept_is_no_run_that_is_out() {
    let mut pool = pool();
    let run = pool.take(8, 32).unwrap();
    assert_eq!(pool.keep(4), Some(HostPhys(16 * PAGE_SIZE)), "the front of the smallest extent");
    assert_eq!((pool.total(), pool.kept(), pool.free()), (60, 4, 52));
    assert_eq!((pool.keep(0), pool.keep(61)), (None, None));
    while pool.keep(1).is_some() {}
    assert_eq!((pool.total(), pool.free(), extents(&pool)), (8, 0, vec![]));
    pool.give_back(run);
    assert_eq!((pool.free(), extents(&pool)), (8, vec![(32, 40)]));
}
