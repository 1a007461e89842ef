//! A cpio archive of one file, which a kernel unpacks before the initrd it is put in front of.
//!
//! Source: the kernel's `initramfs` buffer format: archives one after the other, each compressed or
//! not, an uncompressed one beginning at a multiple of 4.
//!
//! Next on the tour: [`crate::bzimage`].

/// What every header begins with.
const MAGIC: &str = "070701";
/// A file that may be executed.
const PROGRAM: u32 = 0o100_755;
/// The name that ends an archive.
const END: &str = "TRAILER!!!";
/// The archive's length is a multiple of it, and so is where the next begins.
const BLOCK: usize = 512;

/// An archive of the program `name`.
pub fn of_program(name: &str, contents: &[u8]) -> Vec<u8> {
    let mut archive = Vec::new();
    entry(&mut archive, name, PROGRAM, contents);
    entry(&mut archive, END, 0, &[]);
    pad(&mut archive, BLOCK);
    archive
}

fn entry(archive: &mut Vec<u8>, name: &str, mode: u32, contents: &[u8]) {
    let (len, name_len) = (contents.len() as u32, name.len() as u32 + 1);
    // inode, mode, uid, gid, links, time, length, device, device of a node, length of the name, sum
    let fields = [1, mode, 0, 0, 1, 0, len, 0, 0, 0, 0, name_len, 0];
    archive.extend_from_slice(MAGIC.as_bytes());
    fields.iter().for_each(|field| archive.extend_from_slice(format!("{field:08X}").as_bytes()));
    archive.extend_from_slice(name.as_bytes());
    archive.push(0);
    pad(archive, 4);
    archive.extend_from_slice(contents);
    pad(archive, 4);
}

fn pad(archive: &mut Vec<u8>, to: usize) {
    archive.resize(archive.len().next_multiple_of(to), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER_LEN: usize = 110;

    #[test]
    fn a_header_says_where_the_next_one_is() {
        let archive = of_program("init", b"#!/bin/sh\n");
        let number = |at: usize| {
            let digits = str::from_utf8(&archive[at..at + 8]).expect("digits");
            usize::from_str_radix(digits, 16).expect("digits")
        };
        let (len, name_len) = (number(6 + 6 * 8), number(6 + 11 * 8));
        let contents = (HEADER_LEN + name_len).next_multiple_of(4);
        assert_eq!(&archive[contents..contents + len], b"#!/bin/sh\n");
        let next = (contents + len).next_multiple_of(4);
        assert_eq!(&archive[next..next + 6], MAGIC.as_bytes());
        assert!(archive[next + HEADER_LEN..].starts_with(END.as_bytes()));
        assert_eq!(archive.len() % BLOCK, 0);
    }
}
