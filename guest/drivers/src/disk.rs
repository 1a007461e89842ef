//! Several requests to a disk under way at once.
//!
//! The driver has functions for that, which are `unsafe`: between beginning and
//! end a request's bytes are the device's. Here all of them end before the
//! borrow does.
//!
//! Next on the tour: the Guests `drivers_*`.

use virtio_drivers::device::blk::{BlkReq, BlkResp, VirtIOBlk};
use virtio_drivers::transport::Transport;
use virtio_drivers::{Error, Result};

use crate::Ram;

/// Reads whole sectors from each of `places` on into the buffer of the same number, all requests
/// under way before the first is looked for. Returns how each ended.
///
/// # Errors
/// What the driver says to a request it cannot make; none is left under way.
///
/// # Panics
/// If something comes back that was not asked for.
pub fn read_together<T: Transport, const COUNT: usize>(
    disk: &mut VirtIOBlk<Ram, T>,
    places: [usize; COUNT],
    buffers: [&mut [u8]; COUNT],
) -> Result<[Result; COUNT]> {
    let mut requests: [(BlkReq, BlkResp); COUNT] = core::array::from_fn(|_| Default::default());
    let (mut tokens, mut results) = ([None; COUNT], [Err(Error::NotReady); COUNT]);
    let mut refused = Ok(());
    for (number, (request, response)) in requests.iter_mut().enumerate() {
        // SAFETY: nobody else looks at the three before `complete` below has ended each request that
        // was begun, whatever became of the others.
        match unsafe { disk.read_blocks_nb(places[number], request, buffers[number], response) } {
            Ok(token) => tokens[number] = Some(token),
            Err(why) => {
                refused = Err(why);
                break;
            }
        }
    }
    while tokens.iter().any(Option::is_some) {
        let Some(token) = disk.peek_used() else { continue };
        let number = tokens.iter().position(|one| *one == Some(token)).expect("it is one of ours");
        let (request, response) = &mut requests[number];
        // SAFETY: they are those that this token was given for.
        results[number] = unsafe { disk.complete_read_blocks(token, request, buffers[number], response) };
        tokens[number] = None;
    }
    refused.map(|()| results)
}
