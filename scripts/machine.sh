# shellcheck shell=bash
# The two machines scripts/run can start, and how it learns what became of them.
# Sourced after lib.sh; reads `megs` and `target_dir`.

# shellcheck disable=SC2154 # target_dir is lib.sh's
log=$target_dir/run.log
: >"$log"

# MiB of memory for a machine whose Guest has $1: room for it, its shadows, what is on the ISO
# twice (GRUB moves modules about), and the Host.
megs_for() {
    local size=${1%[MmGgKk]} iso megs
    [[ $size =~ ^[0-9]{1,7}$ ]] || size=64 # the Host says what is wrong with it
    case $1 in *[Gg]) size=$((10#$size * 1024)) ;; *[Kk]) size=$((10#$size / 1024)) ;; esac
    iso=$(du --block-size=1M --summarize iso/boot | cut -f1)
    megs=$((10#$size * 5 / 4 + iso * 2 + 64))
    printf '%d' $((megs > 256 ? megs : 256))
}

# Starts QEMU. A person's terminal becomes the serial line with QEMU's monitor behind Ctrl-A;
# a pipe becomes the serial line and nothing else. Behind a local APIC, which nobody here uses,
# QEMU 7.2 now and then forgets an interrupt until the next comes, and there may be none.
start_qemu() {
    local console=stdio,id=com1,signal=off,logfile=$log
    local qemu=(qemu-system-i386 -accel tcg -cpu qemu32,-apic -m "$megs" -display none -nic none -no-reboot
        -boot d -cdrom "$target_dir/kennel.iso" -serial chardev:com1 "$@")
    if [[ -t 0 ]]; then
        "${qemu[@]}" -chardev "$console,mux=on" -mon chardev=com1 || true
    else
        "${qemu[@]}" -chardev "$console" -monitor none || true
    fi
}

# Starts Bochs. Its serial port is a TCP socket it listens on; the screen it insists on
# drawing goes to a terminal nobody looks at.
start_bochs() {
    local port saved_tty='' bochs feeder
    while port=$((20000 + RANDOM % 20000)) && (exec 7<>"/dev/tcp/localhost/$port") 2>/dev/null; do :; done
    exec 5<&0 # what runs in the background is given no standard input of its own
    echo continue >"$target_dir/bochs.commands"
    TERM=xterm script -qec "bochs -q -f scripts/bochsrc -rc $target_dir/bochs.commands \
        -log $target_dir/bochs.log 'megs: $megs' \
        'ata0-master: type=cdrom, path=$target_dir/kennel.iso, status=inserted' \
        'com1: enabled=1, mode=socket-server, dev=localhost:$port'" \
        /dev/null </dev/null >/dev/null 2>&1 &
    bochs=$!
    until { exec 7<>"/dev/tcp/localhost/$port"; } 2>/dev/null; do
        kill -0 "$bochs" 2>/dev/null || die "Bochs did not start; see $target_dir/bochs.log" 4
        sleep 0.1
    done
    if [[ -t 0 ]]; then
        saved_tty=$(stty -g)
        stty -icanon -echo -icrnl
    fi
    cat <&5 >&7 &
    feeder=$!
    # shellcheck disable=SC2064 # the values of now are the ones to restore
    trap "kill $feeder $bochs 2>/dev/null || true; [[ -z '$saved_tty' ]] || stty '$saved_tty'" EXIT
    tee "$log" <&7 || true
    wait "$bochs" || true
}

# Ends with the code in the Host's last line, or 4 if the log does not end with one.
exit_with_the_hosts_code() {
    local code
    code=$(tail -n 1 "$log" | tr -d '\r' | sed -n 's/^host: end, exit code \([0-3]\)$/\1/p')
    [[ -n $code ]] || die "the machine ended before the Host said so" 4
    exit "$code"
}
