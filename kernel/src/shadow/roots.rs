//! The address spaces a Guest has used lately.
//!
//! Each Guest page directory that was switched to keeps a shadow directory, a
//! *root*, as long as the pool can afford it. Coming back to one is then a
//! look-up and nothing is filled again. When frames run short the root unused
//! for longest goes first.
//!
//! Next on the tour: [`super::walk`].

use alloc::vec::Vec;

use abi::GuestPhys;

use super::MAX_ROOTS;
use super::pool::TableId;

/// A Guest directory and its shadow.
#[derive(Clone, Copy, Debug)]
pub struct Root {
    /// The Guest's directory; `None` in linear mode, before there is one.
    pub guest: Option<GuestPhys>,
    /// The shadow directory.
    pub directory: TableId,
}

/// The cached roots; one of them is current.
pub struct Roots {
    roots: Vec<Root>,
    /// When each was current last, by `clock`.
    last_used: Vec<u64>,
    current: usize,
    /// The current one itself, for nearly all look-ups are for that.
    now: Option<Root>,
    clock: u64,
    /// Where each was last seen, by a few bits of its address: a guess, but most often right.
    seen: [u8; MAX_ROOTS],
}

const _: () = assert!(MAX_ROOTS <= 1 << u8::BITS);

impl Default for Roots {
    fn default() -> Self {
        Self {
            roots: Vec::new(),
            last_used: Vec::new(),
            current: 0,
            now: None,
            clock: 0,
            seen: [0; MAX_ROOTS],
        }
    }
}

impl Roots {
    /// The root in use, once there is one.
    #[inline]
    pub fn current(&self) -> Option<Root> {
        self.now
    }

    /// The Guest directory in use, once there is one.
    #[inline]
    pub fn current_guest(&self) -> Option<GuestPhys> {
        self.now.and_then(|root| root.guest)
    }

    /// The directory of the root in use, once there is one.
    #[inline]
    pub fn current_directory(&self) -> Option<TableId> {
        self.now.map(|root| root.directory)
    }

    /// All of them.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = Root> + '_ {
        self.roots.iter().copied()
    }

    /// The root of number `index`, for loops that change tables as they go.
    #[inline]
    pub fn get(&self, index: usize) -> Option<Root> {
        self.roots.get(index).copied()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.roots.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.roots.is_empty()
    }

    /// The shadow of the Guest directory at `guest`, if it is cached.
    #[inline]
    pub fn find(&self, guest: GuestPhys) -> Option<Root> {
        match self.now {
            Some(root @ Root { guest: Some(now), .. }) if now == guest => Some(root),
            Some(_) | None => self.position(guest).map(|index| self.roots[index]),
        }
    }

    /// Makes the cached root of `guest` current; false if there is none.
    #[inline]
    pub fn switch_to(&mut self, guest: GuestPhys) -> bool {
        let found = self.position(guest);
        if let Some(index) = found {
            self.use_now(index);
        }
        found.is_some()
    }

    /// Adds a root and makes it current.
    pub fn add(&mut self, guest: Option<GuestPhys>, directory: TableId) {
        self.roots.push(Root { guest, directory });
        self.last_used.push(0);
        self.use_now(self.roots.len() - 1);
    }

    /// Removes the root unused for longest, never the current one.
    pub fn remove_oldest(&mut self) -> Option<Root> {
        let others = (0..self.roots.len()).filter(|&index| index != self.current);
        let oldest = others.min_by_key(|&index| self.last_used[index])?;
        let root = self.roots.swap_remove(oldest);
        self.last_used.swap_remove(oldest);
        if self.current == self.roots.len() {
            self.current = oldest;
        }
        Some(root)
    }

    /// Removes any root, the current one last.
    pub fn remove_any(&mut self) -> Option<Root> {
        self.remove_oldest().or_else(|| {
            self.now = None;
            self.last_used.pop();
            self.roots.pop()
        })
    }

    #[inline]
    fn use_now(&mut self, index: usize) {
        self.clock += 1;
        self.current = index;
        self.now = Some(self.roots[index]);
        self.last_used[index] = self.clock;
        if let Some(guest) = self.roots[index].guest {
            self.seen[place(guest)] = index as u8;
        }
    }

    /// Where the root of `guest` is: where it was seen last, or else anywhere.
    #[inline]
    fn position(&self, guest: GuestPhys) -> Option<usize> {
        let is_it = |root: &Root| root.guest == Some(guest);
        let guess = usize::from(self.seen[place(guest)]);
        if self.roots.get(guess).is_some_and(is_it) {
            return Some(guess);
        }
        self.roots.iter().position(is_it)
    }
}

/// The place of a directory's address in [`Roots::seen`]: directories are pages apart, PAE's 32
/// bytes.
#[inline]
fn place(guest: GuestPhys) -> usize {
    (guest.0 >> 12 ^ guest.0 >> 5) as usize % MAX_ROOTS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shadow::pool::pool_of;
    use abi::HostPhys;

    fn three_roots() -> Roots {
        let mut pool = pool_of(3, HostPhys(0));
        let mut roots = Roots::default();
        for page in 1..=3 {
            roots.add(Some(GuestPhys(page * 0x1000)), pool.take().unwrap());
        }
        roots
    }

    #[test]
    fn the_root_unused_for_longest_goes_first_and_the_current_one_stays() {
        let mut roots = three_roots();
        assert!(roots.switch_to(GuestPhys(0x1000)));
        let gone: Vec<_> = core::iter::from_fn(|| roots.remove_oldest()?.guest).collect();
        assert_eq!(gone, [GuestPhys(0x2000), GuestPhys(0x3000)]);
        assert_eq!(roots.current().and_then(|root| root.guest), Some(GuestPhys(0x1000)));
    }

    #[test]
    fn removing_keeps_the_current_one_current() {
        let mut roots = three_roots();
        roots.remove_oldest();
        assert_eq!(roots.current().and_then(|root| root.guest), Some(GuestPhys(0x3000)));
    }
}
