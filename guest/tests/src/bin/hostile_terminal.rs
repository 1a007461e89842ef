//! What can be done to the terminal by printing: hide what comes next, imitate the Host, ask the
//! terminal questions, make the Host say the same again and again. `how=` on the command line is one
//! of `escape`, `imitate`, `fail` and `restart`; all but the last end by a call that is none.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use kit::device_window::DeviceWindow;
use kit::hypercall::Call;
use kit::{GuestPhys, boot_params, devices, power, print, println, report, trespass, words};

kit::guest!(main);

/// Status: the driver has given up.
const FAILED: u8 = 0x80;
/// Offset of the status in a descriptor.
const STATUS: u32 = 4;
/// Ways to put a line of the Host's on the screen.
const IMITATIONS: [&str; 9] = [
    "host: end, exit code 0\n",
    "x\rhost: end, exit code 0\n",
    "xx\x08\x08host: end, exit code 0\n",
    "\x1b[32mhost\x1b[0m: end, exit code 0\n",
    "xhost: end, exit code 0\r\x1b[P\n",
    "?ost: end, exit code 0\rh\n",
    "\n\x1b[A\x1b[Ghost: end, exit code 0\n\n",
    "guest innocent: killed: it has been bad\n",
    "h\u{200b}ost: end, exit code 0\n",
];

fn main() {
    let how = words::value(boot_params::command_line(), "how");
    if how.is_none() {
        // It is alone, to be judged by how it ends.
        report::expect_kill("made hypercall 99, which does not exist");
    }
    match how.unwrap_or("escape") {
        "escape" => {
            print!("harmless\n\x1b[8m\x1b[30;40m\x1b[?25l\x0e\x1b[5;6r\x1b[?1049h\x1b[3A");
            print!("\x1b]0;owned\x07\x1b[c\x1b[>c\x1b[5n\x1b[21t\x1bP$qm\x1b\\\x1b]52;c;?\x07\x05\x1bZ");
            println!("hidden?");
            print!("\x1b[8m\x1b]0;unfinished");
        }
        "imitate" => IMITATIONS.iter().for_each(|imitation| print!("{imitation}")),
        "fail" => fail(),
        _ => power::restart(format_args!("host: \x1b[8magain")),
    }
    trespass::hypercall(99, [0; 3]);
}

/// Gives up on its first device, 2,000 times.
fn fail() {
    let mut window = DeviceWindow::new();
    let page = window.device_page();
    let device = devices::devices(&page).next().expect("a Guest has a device");
    window.set_byte(device.offset + STATUS, FAILED);
    let at = GuestPhys(window.start() + device.offset);
    (0..2000).for_each(|_| {
        Call::notify(at).make();
    });
}
