// A machine of v86's, for scripts and tests: boots an ISO, its first serial port on standard input and
// output, or on a socket that somebody listens at.
//
//   node machine.mjs PACKAGE ISO MEGABYTES [HOST:PORT]
//
// Two devices are added, which QEMU and Bochs have as well: what is written to port 0xF4 ends the
// machine with twice that plus one, as QEMU's isa-debug-exit does; no Guest of Kennel's reaches a port.
// Time is the computer's own. The code generator is off: it makes a boot slower, not faster.
import { readFileSync, writeSync } from "node:fs";
import { connect } from "node:net";
import { pathToFileURL } from "node:url";

const [packageDir, iso, megabytes, address] = process.argv.slice(2);
const { V86 } = await import(pathToFileURL(`${packageDir}/build/libv86.mjs`));

const file = (path) => {
    const bytes = readFileSync(path);
    return { buffer: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) };
};

const emulator = new V86({
    wasm_path: `${packageDir}/build/v86.wasm`,
    bios: file("/usr/share/seabios/bios.bin"),
    vga_bios: file("/usr/share/seabios/vgabios-stdvga.bin"),
    cdrom: file(iso),
    memory_size: Number(megabytes) << 20,
    vga_memory_size: 2 << 20,
    boot_order: 0x123,
    disable_jit: process.env.V86_JIT === undefined,
    disable_speaker: true,
    fastboot: true,
    autostart: false,
});

let line;
if (address) {
    const [host, port] = address.split(":");
    const socket = connect(Number(port), host);
    socket.on("close", () => process.exit(10)); // nobody listens any more
    line = { input: socket, write: (bytes, then) => socket.write(bytes, then) };
} else {
    line = { input: process.stdin, write: (bytes, then) => process.stdout.write(bytes, then) };
}

let waiting = [];
const flush = (then) => {
    const bytes = Uint8Array.from(waiting);
    waiting = [];
    line.write(bytes, then);
};
emulator.add_listener("serial0-output-byte", (byte) => {
    if (waiting.push(byte) === 1) setTimeout(flush, 5);
    isHeard = true;
});

// What is typed before the machine has said something would be thrown away when its port is set up;
// after that, a port has room for so much at a time.
let typed = [];
let isHeard = false;
line.input.on("data", (bytes) => typed.push(...bytes));
setInterval(() => {
    if (isHeard && typed.length > 0) emulator.serial_send_bytes(0, Uint8Array.from(typed.splice(0, 8)));
}, 5);

emulator.add_listener("emulator-loaded", () => {
    const { cpu } = emulator.v86;
    cpu.io.register_write(0xF4, cpu, (code) => {
        emulator.stop();
        flush(() => process.exit(2 * code + 1));
    });
    emulator.run();
});
process.on("uncaughtException", (error) => {
    flush(() => {});
    writeSync(2, `v86: ${error.stack ?? error}\n`);
    process.exit(8);
});
