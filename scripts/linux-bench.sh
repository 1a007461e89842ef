# shellcheck shell=bash
# What a Linux costs natively and as a Guest, side by side with what it cost as a Guest of the
# original lguest. Sourced by scripts/bench after lib.sh, which ends here; reads `kernel` and `initrd`.

here=tests/linux-bench
work=$target_dir/linux-bench

# The number that $2 bytes at $1 of the kernel's image are.
field() {
    od -An -t "u$2" -j "$1" -N "$2" "$kernel" | tr -d ' '
}

# Options by which two runs on the same emulated CPU execute the same instructions.
counted_linux() {
    local name=$1
    shift
    timeout 1800 qemu-system-i386 -accel tcg -icount shift=0,sleep=off \
        -rtc base=2020-01-01T00:00:00,clock=vm -cpu coreduo -nic none -display none -vga none -no-reboot \
        -monitor none -serial "file:$work/$name.log" \
        -plugin "$work/count.so,out=$work/$name.marks$start$pc" "$@" </dev/null || true
    grep -aq '^bench nanosleep_2ms' "$work/$name.log" || die "Linux did not get to the end; see $work/$name.log"
}

# Each row of run $1: name, and for each operation instructions and switches.
rows_of() {
    tr -d '\r' <"$work/$1.log" | awk -f $here/rows.awk "$work/$1.marks" - >"$work/$1.rows"
}

scripts/setup run
cargo build --release -p kennel-kernel
mkdir -p "$work"
gcc -O2 -shared -fPIC -Wall -o "$work/count.so" $here/count.c
if [[ -z $initrd ]]; then
    initrd=$work/initrd.cpio.gz
    $here/make-initrd "$initrd"
fi

# Where the kernel begins that the image unpacks, if it says so (boot protocol 2.10).
start=''
(($(field 0x206 2) < 0x20A)) || start=$(printf ',start=%x' "$(field 0x258 4)")

# A disk that is always ready, as the Guest's is: waiting for one would be counted, too.
say "natively"
pc=''
counted_linux native -m 64 -kernel "$kernel" -initrd "$initrd" \
    -blockdev "driver=null-co,node-name=d0,size=$((16 << 20)),read-zeroes=on" \
    -device virtio-blk-pci,drive=d0,disable-modern=on,disable-legacy=off \
    -append "console=ttyS0 native=1 native tsc=reliable norandmaps quiet"
rows_of native

say "as a Guest"
pc=,pc=$(nm "$release/kennel" | sed -n 's/ T switcher_enter$//p')
truncate -s 16M "$work/disk.img"
counted_linux guest -m 160 -device isa-debug-exit,iobase=0xf4,iosize=1 -kernel "$release/kennel" -append debug-exit -initrd "\
$kernel guest name=linux mem=64M disk=vda -- console=hvc0 norandmaps quiet,\
$initrd initrd for=linux,$work/disk.img disk name=vda"
rows_of guest

awk -f $here/table.awk $here/original "$work/native.rows" "$work/guest.rows"
exit
