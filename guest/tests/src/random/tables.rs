//! Page tables: entries at random, announced, announced wrongly or not at all, and then touched.

use abi::hypercall::*;
use kit::page_table::{Entry, Format};
use kit::paging;
use random::Code;

use super::Player;

impl Player {
    pub(super) fn play_tables(&mut self) {
        for _ in 0..1 + self.dice.below(4) {
            match self.dice.below(8) {
                0..2 => self.edit_directory(),
                2..5 => self.edit_table(),
                5..7 => self.touch(),
                _ => {
                    let all = self.dice.below(2);
                    self.call(LHCALL_FLUSH_TLB, [all, 0, 0, 0]);
                }
            }
        }
    }

    pub(super) fn has_pae(&self) -> bool {
        paging::format() == Format::Pae
    }

    /// Points an entry of a directory, or one of PAE's pointers, to a page to play with.
    fn edit_directory(&mut self) {
        let flags = self.flags_of_entry();
        let (entry, root) = (self.own_page() | flags, self.root());
        let with_pae = self.has_pae();
        let (directory, index, call) = match (with_pae, self.dice.one_in(4)) {
            (false, _) => (root, self.dice.below(8), LHCALL_SET_PGD),
            (true, true) => (root, self.dice.below(3), LHCALL_SET_PGD),
            (true, false) => (self.own_page(), self.dice.below(16), LHCALL_SET_PMD),
        };
        // What a directory's entry must not have set; of a pointer that is nearly all.
        let forbidden = if call == LHCALL_SET_PGD && with_pae { 0xFFE } else { 0xF98 };
        let entry = if self.is_reckless() { entry } else { entry & !forbidden };
        self.put(directory, index, entry);
        if !self.dice.one_in(4) {
            self.call(call, [directory, index, 0, 0]);
        }
    }

    /// Fills in an entry of a page that may serve as a table, and says so of some address.
    fn edit_table(&mut self) {
        let entry = self.any_entry();
        let table = self.own_page();
        let index = self.dice.below(8);
        self.put(table, index, entry);
        if !self.dice.one_in(4) {
            let [root, at, other, high] = self.any_announcement();
            let entry = if self.dice.one_in(4) { other } else { entry };
            self.call(LHCALL_SET_PTE, [root, at, entry, high]);
        }
    }

    /// The arguments of a SET_PTE.
    pub(super) fn any_announcement(&mut self) -> [u32; 4] {
        let at = self.places.linear(&mut self.dice);
        let at = if at >= 0xFFC0_0000 && !self.is_reckless() { at & 0x3FFF_FFFF } else { at };
        let high = if self.is_reckless() { self.number() } else { 0 };
        [self.root(), at & !0xFFF, self.any_entry(), high]
    }

    /// An entry of a table: a page to play with, mostly.
    fn any_entry(&mut self) -> u32 {
        let flags = self.flags_of_entry();
        match self.dice.below(8) {
            0 => self.dice.throw() & !Entry::P,
            1 => (self.places.memory - 0x1000) | flags,
            2 => self.dice.below(self.places.memory) & !0xFFF | flags,
            3 if self.is_reckless() => self.places.physical(&mut self.dice),
            _ => self.own_page() | flags,
        }
    }

    /// Flags of an entry: P mostly, large pages never, unless recklessly.
    fn flags_of_entry(&mut self) -> u32 {
        let flags = self.dice.throw() & 0xFFF | if self.dice.one_in(8) { 0 } else { Entry::P };
        if self.is_reckless() { flags } else { flags & !Entry::PS }
    }

    fn put(&mut self, table: u32, index: u32, entry: u32) {
        let len = paging::format().entry_len();
        self.poke(table + index * len, entry);
        if len == 8 {
            let high = if self.is_reckless() { self.number() } else { 0 };
            self.poke(table + index * len + 4, high);
        }
    }

    /// Reads or writes an address, at ring 1 or at ring 3.
    fn touch(&mut self) {
        let mut code = Code::new();
        let at = self.places.linear(&mut self.dice);
        // mov eax, [at]; mov [at], eax; inc dword ptr [at]; mov al, [at]: none of them into the program
        let is_own = at < 0xC000_0000 || at >= 0xC000_0000 + self.places.image.end;
        let opcodes: &[&[u8]] =
            if is_own { &[&[0xA1], &[0xA3], &[0xFF, 0x05], &[0xA0]] } else { &[&[0xA1], &[0xA0]] };
        code.push_with(self.dice.pick(opcodes), at);
        code.push(&[0xC3]);
        let registers = self.registers();
        if self.dice.one_in(2) {
            self.run(&code, &registers);
        } else {
            self.run_at_ring_3(&code, &registers, 0x202);
        }
    }
}
