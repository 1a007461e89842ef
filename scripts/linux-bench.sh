# shellcheck shell=bash
# What a Linux costs natively and as a Guest, side by side with what it cost as a Guest of the
# original lguest. Sourced by scripts/bench after lib.sh; reads `kernel` and `initrd`.

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
    tr -d '\r' <"$work/$1.log" | awk '
        FNR == NR && $1 == 0 { start = $2; switches = $3 }
        FNR == NR && $1 == 1 && start && !booted++ { print "boot", $2 - start, $3 - switches }
        FNR == NR && $1 == 2 { from = $2; switches = $3 }
        FNR == NR && $1 == 3 { spent[++rows] = $2 - from; left[rows] = $3 - switches }
        FNR < NR && $1 == "bench" && $3 ~ /^[0-9]+$/ { print $2, spent[++row] / $3, left[row] / $3 }
    ' "$work/$1.marks" -
}

# Sets rows side by side: the original's, those of the native run, those of the Guest.
table() {
    awk '
        function figure(x) { return x == "" ? "-" : sprintf(x < 1000 ? "%.1f" : "%d", x) }
        function ratio(x, y) { return x && y ? sprintf("%.2f", y / x) : "-" }
        FILENAME ~ /original$/ && !/^#/ { then_native[$1] = $2; then_guest[$1] = $3; then_left[$1] = $4 }
        FILENAME ~ /native.rows$/ { native[$1] = $2 }
        FILENAME ~ /guest.rows$/ { order[++rows] = $1; guest[$1] = $2; left[$1] = $3 }
        END {
            print "                             original lguest, Linux 3.11.10           | this Host, this Linux"
            line = "%-22s %10s %10s %6s %9s | %10s %10s %6s %9s\n"
            printf line, "row", "native", "Guest", "ratio", "switches", "native", "Guest", "ratio", "switches"
            for (i = 1; i <= rows; i++) {
                row = order[i]
                printf line, row, figure(then_native[row]), figure(then_guest[row]),
                    ratio(then_native[row], then_guest[row]), figure(then_left[row]), figure(native[row]),
                    figure(guest[row]), ratio(native[row], guest[row]), figure(left[row])
                if (row ~ /^(boot|cpu_loop|mem_stride64)$/ || !then_native[row] || !native[row]) continue
                then_sum += log(then_guest[row] / then_native[row])
                sum += log(guest[row] / native[row])
                counted++
            }
            if (!counted) exit 1
            printf line, "mean of " counted, "", "", sprintf("%.2f", exp(then_sum / counted)), "", "", "",
                sprintf("%.2f", exp(sum / counted)), ""
        }
    ' $here/original "$work/native.rows" "$work/guest.rows"
}

scripts/setup
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
rows_of native >"$work/native.rows"

say "as a Guest"
pc=,pc=$(nm "$release/kennel" | sed -n 's/ T switcher_enter$//p')
truncate -s 16M "$work/disk.img"
counted_linux guest -m 160 -device isa-debug-exit,iobase=0xf4,iosize=1 -kernel "$release/kennel" -append debug-exit -initrd "\
$kernel guest name=linux mem=64M disk=vda -- console=hvc0 norandmaps quiet,\
$initrd initrd for=linux,$work/disk.img disk name=vda"
rows_of guest >"$work/guest.rows"

table
