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
#[derive(Default)]
pub struct Roots {
    roots: Vec<Root>,
    /// When each was current last, by `clock`.
    last_used: Vec<u64>,
    current: usize,
    clock: u64,
}

impl Roots {
    /// The root in use, once there is one.
    #[inline]
    pub fn current(&self) -> Option<Root> {
        self.roots.get(self.current).copied()
    }

    /// The directory of the root in use, once there is one.
    #[inline]
    pub fn current_directory(&self) -> Option<TableId> {
        self.roots.get(self.current).map(|root| root.directory)
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
        self.current()
            .filter(|root| root.guest == Some(guest))
            .or_else(|| self.iter().find(|root| root.guest == Some(guest)))
    }

    /// Makes the cached root of `guest` current; false if there is none.
    pub fn switch_to(&mut self, guest: GuestPhys) -> bool {
        let found = self.roots.iter().position(|root| root.guest == Some(guest));
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
            self.last_used.pop();
            self.roots.pop()
        })
    }

    fn use_now(&mut self, index: usize) {
        self.clock += 1;
        self.current = index;
        self.last_used[index] = self.clock;
    }
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
