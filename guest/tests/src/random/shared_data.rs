//! What a Guest shares with the Host: the words of `lguest_data`, and the page its registers are saved on.

use abi::lguest_data::SWITCHER_BASE;
use kit::{GuestLinear, PAGE_SIZE, probe, shared};
use random::Code;

use super::Player;

/// Bytes of the area at most.
const LEN: u32 = 1400;

impl Player {
    pub(super) fn play_shared(&mut self) {
        let at = match self.dice.below(3) {
            0 => SWITCHER_BASE + self.dice.below(16) * PAGE_SIZE + self.dice.below(PAGE_SIZE),
            1 => SWITCHER_BASE + self.dice.below(2) * PAGE_SIZE + PAGE_SIZE - self.dice.below(96),
            _ => &raw const shared::DATA as u32 + self.dice.below(LEN),
        };
        let (value, was) = (self.number(), read(at));
        let mut code = Code::new();
        code.push_with(&[0xC7, 0x05], at & !3); // mov dword ptr [at], value
        code.push(&value.to_le_bytes());
        // Then an exit, to see what the Host makes of it: a call, a fault, an interrupt nobody asked for.
        code.push(self.dice.pick(&[
            &[0x31, 0xC0, 0xCD, 0x1F, 0xC3][..],
            &[0x0F, 0x0B],
            &[0xCD, 0x21],
            &[0xC3],
        ]));
        let registers = self.registers();
        self.run(&code, &registers);
        let mut back = Code::new();
        back.push_with(&[0xC7, 0x05], at & !3);
        back.push(&was.to_le_bytes());
        back.push(&[0xC3]);
        self.run(&back, &[0; 8]);
    }
}

/// The word of the shared area at `at`; what is not in it is not looked at.
fn read(at: u32) -> u32 {
    let start = &raw const shared::DATA as u32;
    if (start..start + LEN).contains(&at) { probe::read(GuestLinear(at & !3)).unwrap_or(0) } else { 0 }
}
