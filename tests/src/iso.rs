//! A boot ISO of one [`Boot`], made by GRUB's own tool.
//!
//! Next on the tour: [`crate::qemu`].

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::boot::Boot;
use crate::scratch::Scratch;

/// Which Multiboot GRUB speaks to the Host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Protocol {
    /// Version 1, as QEMU's `-kernel` speaks it too.
    Multiboot1,
    /// Version 2, what the ISO for people uses.
    Multiboot2,
}

/// Makes the ISO in `scratch` and returns its path.
pub fn make(boot: &Boot, protocol: Protocol, scratch: &Scratch) -> PathBuf {
    make_with(boot, protocol, "", scratch)
}

/// The same, with `commands` of GRUB's own, lines of them, that come before the Host is loaded.
pub fn make_with(boot: &Boot, protocol: Protocol, commands: &str, scratch: &Scratch) -> PathBuf {
    let tree = scratch.path("iso");
    scratch.file("iso/boot/grub/grub.cfg", commands.to_owned() + &menu(boot, protocol));
    fs::copy(&boot.host, tree.join("boot/kennel")).expect("the Host's image can be read");
    for (index, module) in boot.modules.iter().enumerate() {
        fs::copy(&module.file, tree.join(module_path(index))).expect("the module can be read");
    }
    let iso = scratch.path("kennel.iso");
    let output = Command::new("grub-mkrescue")
        .arg("--directory=/usr/lib/grub/i386-pc") // no machine here boots by UEFI
        .arg("--output")
        .arg(&iso)
        .arg(&tree)
        .output()
        .expect("grub-mkrescue starts");
    assert!(output.status.success(), "grub-mkrescue failed:\n{}", String::from_utf8_lossy(&output.stderr));
    iso
}

fn module_path(index: usize) -> String {
    format!("boot/module{index}")
}

/// GRUB's menu: one entry, booted at once.
fn menu(boot: &Boot, protocol: Protocol) -> String {
    let (kernel, module) = match protocol {
        Protocol::Multiboot1 => ("multiboot", "module"),
        Protocol::Multiboot2 => ("multiboot2", "module2"),
    };
    let mut menu =
        format!("set timeout=0\nmenuentry Kennel {{\n{kernel} /boot/kennel{}\n", words(&boot.options));
    for (index, each) in boot.modules.iter().enumerate() {
        let _ = writeln!(menu, "{module} /{}{}", module_path(index), words(&each.line));
    }
    menu + "}\n"
}

/// Words the way GRUB reads them back unchanged: each in quotes, after a space.
fn words(line: &str) -> String {
    line.split_whitespace().map(|word| format!(" '{word}'")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_menu_names_host_and_modules_in_the_protocol_s_words() {
        let boot = Boot { host: "kennel".into(), options: "a b".into(), modules: Vec::new() }
            .with("demo", "guest name=demo -- hello");
        let entry =
            "multiboot /boot/kennel 'a' 'b'\nmodule /boot/module0 'guest' 'name=demo' '--' 'hello'\n}";
        assert!(menu(&boot, Protocol::Multiboot1).contains(entry));
        assert!(menu(&boot, Protocol::Multiboot2).contains("module2 /boot/module0"));
    }
}
