//! How tasks are made of what the loader brought, and what is said of those that cannot be.
//!
//! Next on the tour: [`super::bookkeeping`].

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::fmt;

use abi::device_page::DEVICE_PAGES;
use abi::{Nanos, PAGE_SIZE};
use kernel::cpu::GuestId;
use kernel::inspect::usage::Life;
use kernel::platform::boot_info::{BootInfo, MAX_MODULES, Text};
use kernel::platform::keyboard::Layout;
use kernel::platform::second_line::{ROLES, Role, SECOND_LINE};
use kernel::sched::Rota;
use kernel::terminal::multiplexer::scrollback::KEPT;
use kernel::trace::sender::Sender;
use launcher_task::config::{self, DiskPlan, Line, Plan, Remainder, networks};
use launcher_task::device::Device;
use launcher_task::{BlockDevice, ConsoleSize, Launcher};
use monitor::symbols::Symbols;

use super::autopsy::Autopsy;
use super::bookkeeping::{Bookkeeping, tables_for};
use super::desk::Desk;
use super::{MIB, Task, Tasks};
use crate::host;
use crate::machine::enter::GuestCpu;
use crate::machine::entropy::Chance;
use crate::machine::memory::Memory;
use crate::machine::power::ExitCode;
use crate::machine::{clock, console, cpu, heap, second_line};
use crate::tasks::disks;
use crate::tasks::lan::Lan;

/// Words the Host's own command line may have; those that end in `=` take a value.
const HOST_WORDS: &[&str] = &["console=", "debug-exit", "leave-key", "selftest=", "com2=", "keyboard="];
/// Events of all Guests' that may wait for the second line: 24 bytes each.
const WAITING: usize = 8192;

impl Tasks {
    /// Makes a task of each Guest the loader brought; says what is wrong with the others.
    // Its frame is gone when they run, as it is no part of its caller.
    #[inline(never)]
    pub fn new(info: &mut BootInfo, mut memory: Memory, cpu: GuestCpu, mut chance: Chance) -> Self {
        let lines: Vec<Line<'_>> = info.modules.iter().map(|module| line(module.command_line)).collect();
        let mut wanted = config::read_modules(&lines);
        let own = config::check_host_words(info.command_line.words, HOST_WORDS);
        let mut worst = ExitCode::Done;
        let mut complain = |what: &dyn fmt::Display| {
            host!("{what}");
            worst = ExitCode::Configuration;
        };
        if info.left_out > 0 {
            complain(&format_args!(
                "{} modules more than the {MAX_MODULES} there is room for are left out",
                info.left_out
            ));
        }
        if let Some(flaw) = info.command_line.flaw {
            complain(&format_args!("the Host's own line: {flaw}; what follows is not read"));
        }
        let role =
            info.option(SECOND_LINE).and_then(|word| open_second_line(word, &wanted.plans, &mut complain));
        let captured = role.and_then(|role| match role {
            Role::Capture(network) => Some(network),
            Role::Monitor | Role::Trace(_) | Role::Core(_) | Role::Gdb { .. } => None,
        });
        let reporter = role.and_then(|role| match role {
            Role::Trace(kinds) => Some(Sender::new(kinds, WAITING / wanted.plans.len().max(1))),
            Role::Capture(_) | Role::Monitor | Role::Core(_) | Role::Gdb { .. } => None,
        });
        let autopsy = match role {
            Some(Role::Core(who)) => Autopsy::Wanted(who.map(String::from)),
            Some(Role::Capture(_) | Role::Monitor | Role::Trace(_) | Role::Gdb { .. }) | None => {
                Autopsy::Nothing
            }
        };
        let mut bookkeeping = Bookkeeping::new(role, reporter.as_ref().map(Sender::room));
        bookkeeping.add_up(&mut wanted.plans, &memory, &mut complain);
        let lan = Lan::new(&mut wanted.plans, captured, &mut memory, &mut chance, complain);
        let mut tasks = Self {
            tasks: Vec::new(),
            memory,
            cpu,
            chance,
            worst,
            rota: Rota::new(0),
            desk: Desk::new(role == Some(Role::Monitor)),
            gdb: None,
            multiplexer: RefCell::default(),
            nmis: 0,
            now: clock::now(),
            refreshed: Nanos(0),
            lan,
            reporter,
            is_reporting: false,
            autopsy,
        };
        if info.has_word("leave-key") {
            tasks.multiplexer.get_mut().allow_leaving();
        }
        for error in own.iter().chain(&wanted.errors) {
            tasks.misconfigured(format_args!("{error}"));
        }
        for disk in &wanted.disks {
            if let Some(rest) = Remainder::of(info.modules[disk.module].bytes.len()) {
                host!("disk {}: {rest}", disk.name);
            }
        }
        let console = tasks.console_size(info);
        tasks.choose_layout(info);
        console::set_size(console.columns, console.rows);
        for plan in wanted.plans.drain(..) {
            tasks.add(Plan { console, ..plan }, &wanted.disks, info, &mut bookkeeping);
        }
        heap::settle();
        if let Some(Role::Gdb { guest, waits }) = role {
            tasks.open_to_debugger(guest, waits);
        }
        tasks
    }

    /// The size of everybody's terminal.
    fn console_size(&mut self, info: &BootInfo) -> ConsoleSize {
        let size = |word| ConsoleSize::admit(word).ok_or(word);
        info.option("console").map_or(Ok(ConsoleSize::default()), size).unwrap_or_else(|word| {
            self.misconfigured(format_args!(
                "bad size in \"console={word}\"; use columns and rows, like 80x25"
            ));
            ConsoleSize::default()
        })
    }

    /// The letters on the keyboard.
    fn choose_layout(&mut self, info: &BootInfo) {
        match info.option("keyboard").map(|word| Layout::from_word(word).ok_or(word)) {
            None => {}
            Some(Ok(layout)) => console::set_layout(layout),
            Some(Err(word)) => self
                .misconfigured(format_args!("unknown layout in \"keyboard={word}\"; use {}", Layout::WORDS)),
        }
    }

    pub(super) fn misconfigured(&mut self, what: fmt::Arguments<'_>) {
        host!("{what}");
        self.worst = ExitCode::Configuration;
    }

    /// Makes the disks that a plan names; `None`, and a line that says why, if one cannot be.
    fn disks(
        &mut self,
        plan: &Plan,
        disks: &[DiskPlan],
        info: &mut BootInfo,
    ) -> Option<Vec<BlockDevice<'static>>> {
        let mut made = Vec::with_capacity(plan.disks.len());
        for disk in plan.disks.iter().map(|&place| &disks[place]) {
            match disks::make(disk, info, &mut self.memory) {
                Ok(device) => made.push(device),
                Err(why) => {
                    let (name, file) = (&plan.name, &plan.file);
                    self.misconfigured(format_args!("guest {name}: {file}: disk {}: {why}", disk.name));
                    return None;
                }
            }
        }
        Some(made)
    }

    /// Judges whether there is enough for a Guest of `plan`, of the heap before all. One that has not
    /// said how much memory it wants gets what there is, if that is less than usual.
    fn has_room(&mut self, plan: &mut Plan, bookkeeping: &mut Bookkeeping) -> bool {
        let (name, file, wanted) = (&plan.name, &plan.file, plan.memory);
        if let Err(len) = bookkeeping.admit(plan, tables_for(wanted)) {
            let kib = len.div_ceil(1024);
            self.misconfigured(format_args!(
                "guest {name}: {file}: no memory is left for the Host's notes about it: they need {kib} KiB"
            ));
            return false;
        }
        if plan.is_usual_memory {
            let fits =
                |memory: &u32| self.memory.has_room(memory + DEVICE_PAGES * PAGE_SIZE, tables_for(*memory));
            let most = (1..=wanted / MIB).rev().map(|mebibytes| mebibytes * MIB).find(fits);
            // If there is not even one, the usual message says what is missing.
            plan.memory = most.unwrap_or(wanted);
        }
        if plan.memory < wanted {
            let (gets, usual) = (plan.memory / MIB, wanted / MIB);
            console::line(format_args!(
                "guest {name}: gets mem={gets}M, all there is in one piece; {usual}M is usual if its line has no mem="
            ));
        }
        true
    }

    fn add(
        &mut self,
        mut plan: Plan,
        disks: &[DiskPlan],
        info: &mut BootInfo,
        bookkeeping: &mut Bookkeeping,
    ) {
        if !self.has_room(&mut plan, bookkeeping) {
            return;
        }
        let Some(disks) = self.disks(&plan, disks, info) else { return };
        let (name, file, memory) = (plan.name.clone(), plan.file.clone(), plan.memory);
        let image = info.modules[plan.image].bytes;
        let initrd = plan.initrd.map(|module| info.modules[module].bytes);
        let symbols = self.symbols(&plan, info).unwrap_or_else(|| Symbols::of_image(image));
        let id = GuestId(self.tasks.len() as u32);
        let tables = tables_for(memory);
        let dialect = plan.dialect;
        let mut devices = self.lan.plug(&plan, self.tasks.len());
        devices.extend(disks.into_iter().map(|disk| Box::new(disk) as Box<dyn Device>));
        let task = self.tasks.len();
        let launcher = match Launcher::admit(plan, image, initrd, devices) {
            Ok(launcher) => launcher,
            Err(why) => {
                self.lan.unplug_for_good(task);
                return self.misconfigured(format_args!("guest {name}: {file}: {why}"));
            }
        };
        let Some(mut guest) = self.memory.lodge(id, launcher.limit(), tables) else {
            let (wants, has) = (memory / MIB, self.memory.largest() / 256);
            self.lan.unplug_for_good(task);
            return self.misconfigured(format_args!(
                "guest {name}: {file}: mem={wants}M is more than the machine has left: {has} MiB in one piece"
            ));
        };
        guest.dialect = dialect;
        guest.shadow.set_device_limit(launcher.device_limit());
        if self.cpu.has_lax_iret() {
            guest.shadow.close_virtual_8086();
        }
        if let Some(release) = launcher.release() {
            console::line(format_args!("guest {name}: Linux {release}"));
            if release.may_lose_its_console() {
                console::line(format_args!(
                    "guest {name}: its early console may keep hvc0: then its terminal is /dev/hvc1 (docs/guests.md)"
                ));
            }
        }
        let life = Life::begin(memory / MIB, clock::now());
        match self.memory.own_bytes(KEPT) {
            Some(room) => {
                self.multiplexer.get_mut().add(&name, room);
                if let Some(reporter) = &mut self.reporter {
                    guest.watch(reporter.watch(&name), cpu::tsc());
                }
                self.tasks.push(Task {
                    name,
                    launcher,
                    guest: Some(Box::new(guest)),
                    told: None,
                    ending: None,
                    life,
                    symbols,
                });
            }
            None => {
                self.memory.evict(guest);
                self.lan.unplug_for_good(task);
                self.misconfigured(format_args!(
                    "guest {name}: {file}: no memory is left to keep its output in"
                ));
            }
        }
    }
}

/// A module's line, as far as it could be read, and why that is not all.
fn line(text: Text) -> Line<'static> {
    Line { words: text.words, flaw: text.flaw.map(|flaw| format!("{flaw}")) }
}

/// Opens the second line for the role that `word` names; what is wrong with it is told by `complain`.
fn open_second_line<'a>(
    word: &'a str,
    plans: &[Plan],
    complain: &mut impl FnMut(&dyn fmt::Display),
) -> Option<Role<'a>> {
    let is_known = |role: &Role<'_>| match role {
        Role::Capture(network) => networks(plans).contains(network),
        Role::Core(Some(name)) => plans.iter().any(|plan| plan.name == *name),
        Role::Core(None) | Role::Monitor | Role::Trace(_) => true,
        Role::Gdb { guest, .. } => guest.is_none_or(|name| plans.iter().any(|plan| plan.name == name)),
    };
    let Some(role) = Role::admit(word).filter(is_known) else {
        complain(&format_args!("\"{SECOND_LINE}={word}\": use {SECOND_LINE}={ROLES}, for what is there"));
        return None;
    };
    if !second_line::start(role.is_heard()) {
        complain(&format_args!("\"{SECOND_LINE}=\": there is no second serial port"));
        return None;
    }
    Some(role)
}
