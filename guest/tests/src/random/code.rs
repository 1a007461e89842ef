//! Instructions, at ring 1 and at ring 3, with numbers worth trying in all registers.

use abi::hypercall::LHCALL_TS;
use random::{Code, places};

use super::Player;

impl Player {
    pub(super) fn play_code(&mut self) {
        let code = self.any_code();
        let registers = self.registers();
        self.run(&code, &registers);
    }

    pub(super) fn play_user(&mut self) {
        let code = self.any_code();
        let registers = self.registers();
        let flags = places::flags(&mut self.dice);
        self.run_at_ring_3(&code, &registers, flags);
    }

    /// Loads and reads debug registers, then runs something they may watch.
    pub(super) fn play_debug(&mut self) {
        for _ in 0..1 + self.dice.below(4) {
            let value = self.number();
            let modrm = 0xC0 | (self.dice.byte() & 0x38); // EAX and one of eight
            let mut code = Code::new();
            code.push(&[0x0F, if self.dice.one_in(4) { 0x21 } else { 0x23 }, modrm, 0xC3]);
            self.run(&code, &[value; 8]);
        }
        if self.dice.one_in(2) {
            self.play_code()
        } else {
            self.play_user()
        }
        let mut off = Code::new();
        off.push(&[0x0F, 0x23, 0xF8, 0xC3]); // mov dr7, eax
        self.run(&off, &[0x400; 8]);
    }

    pub(super) fn play_fpu(&mut self) {
        let ts = self.dice.below(2) * 8;
        self.call(LHCALL_TS, [ts, 0, 0, 0]);
        let code = self.any_code();
        let registers = self.registers();
        if self.dice.one_in(2) {
            self.run(&code, &registers);
        } else {
            self.run_at_ring_3(&code, &registers, 0x202);
        }
        self.call(LHCALL_TS, [0; 4]);
    }

    /// A few instructions, and a return that is rarely reached.
    fn any_code(&mut self) -> Code {
        let mut code = Code::new();
        for _ in 0..1 + self.dice.below(8) {
            code.instruction(&mut self.dice, &self.places);
        }
        code.push(self.dice.pick(&[&[0xC3], &[0xCC], &[0xCF]]));
        code
    }
}
