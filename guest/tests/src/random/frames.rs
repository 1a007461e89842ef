//! Frames for `iret`, far returns and flags, on stacks at odd places.

use abi::PAGE_SIZE;
use kit::frames::direct;
use kit::user::{CODE_AT, STACK_AT};
use kit::{GuestPhys, segment_descriptor::USER_DATA};
use random::{Code, places};

use super::Player;

/// EFLAGS.VM.
const VM: u32 = 1 << 17;
/// What takes a frame: iretd, iret, retf, retf 8, popfd and ret, `mov ss` and iretd.
const TAKES: [&[u8]; 6] =
    [&[0xCF], &[0x66, 0xCF], &[0xCB], &[0xCA, 8, 0], &[0x9D, 0xC3], &[0x8C, 0xD0, 0x8E, 0xD0, 0xCF]];

impl Player {
    pub(super) fn play_frames(&mut self) {
        let flags = places::flags(&mut self.dice);
        self.take_frame(flags);
    }

    pub(super) fn play_vm(&mut self) {
        let flags = places::flags(&mut self.dice) | VM;
        self.take_frame(flags);
    }

    /// Lays a frame somewhere and has an instruction take it, at ring 1 or at ring 3.
    fn take_frame(&mut self, flags: u32) {
        let frame = self.any_frame(flags);
        let mut landing = Code::new();
        landing.push(&[0xCC]);
        self.program.copy_from(landing.bytes());
        let mut code = Code::new();
        if self.dice.one_in(3) {
            // At ring 3 the frame is pushed by the program itself.
            frame.iter().rev().for_each(|&word| code.push_with(&[0x68], word));
            code.push(self.dice.pick(&TAKES));
            let registers = self.registers();
            self.run_at_ring_3(&code, &registers, 0x202);
            return;
        }
        let at = self.frame_place(&frame);
        code.push_with(&[0xBC], at);
        code.push(self.dice.pick(&TAKES));
        let registers = self.registers();
        self.run(&code, &registers);
    }

    /// EIP, CS, EFLAGS, ESP, SS, and the four segments that virtual-8086 mode has besides.
    fn any_frame(&mut self, flags: u32) -> [u32; 9] {
        let eip = match self.dice.below(4) {
            0 => CODE_AT.0,
            1 => self.places.own(&mut self.dice),
            2 => direct(self.code.phys()).0,
            _ => self.number(),
        };
        let esp = if self.dice.one_in(2) { STACK_AT.0 + PAGE_SIZE } else { self.number() };
        let cs = if self.dice.one_in(3) { 0x73 } else { places::selector(&mut self.dice) };
        let ss = if self.dice.one_in(2) { USER_DATA.into() } else { places::selector(&mut self.dice) };
        let mut frame = [eip, cs, flags, esp, ss, 0, 0, 0, 0];
        frame[5..].fill_with(|| places::selector(&mut self.dice));
        frame
    }

    /// Writes the frame to a page of its own, at an odd place on it; returns where, or some other place.
    fn frame_place(&mut self, frame: &[u32; 9]) -> u32 {
        if self.is_reckless() {
            return self.number();
        }
        let page = self.own_page();
        let at =
            page + self.dice.pick(&[0x100, 0x104, PAGE_SIZE - 12, PAGE_SIZE - 20, PAGE_SIZE - 36, 0x800]);
        for (place, &word) in
            (at..).step_by(4).zip(frame).take_while(|(place, _)| place + 4 <= self.places.own.end)
        {
            self.poke(place, word);
        }
        direct(GuestPhys(at)).0
    }
}
