# shellcheck shell=bash
# QEMU as scripts/run starts it. Sourced by scripts/machine.sh.
# shellcheck disable=SC2154

# Starts QEMU. A person's terminal becomes the serial line with QEMU's monitor behind Ctrl-T; a pipe
# becomes the serial line and nothing else, by way of a process whose end is the end of the input.
# Behind a local APIC, which nobody here uses, QEMU 7.2 now and then forgets an interrupt until the
# next comes, and there may be none.
start_qemu() {
    local console=stdio,id=com1,signal=off,logfile=$log status=0 port
    local qemu=(qemu-system-i386 -accel tcg -cpu qemu32,-apic -m "$megs" -display none -nic none -no-reboot
        -device isa-debug-exit,iobase=0xf4,iosize=1 -pidfile "$own/pid"
        -boot d -cdrom "$own/kennel.iso" -serial chardev:com1)
    if [[ -n $gdb ]]; then
        port=$(free_port 1234)
        say "in another terminal: gdb $release/kennel -ex 'target remote :$port'"
        qemu+=(-S -gdb "tcp:localhost:$port")
    fi
    if [[ $line == gdb ]]; then
        port=$(free_port 1235)
        say "in another terminal: gdb $release/demo (or your ELF file) -ex 'target remote :$port'"
        set -- -serial "tcp:localhost:$port,server=on,wait=off"
    fi
    [[ -z $gdb && $line != gdb ]] || idle=0
    if [[ -t 0 ]]; then
        say "Ctrl-A ? lists Kennel's keys, Ctrl-A X leaves; Ctrl-T X ends QEMU if Kennel does not answer"
        watch_for_end &
        watcher=$!
        "${qemu[@]}" "$@" -echr 0x14 -chardev "$console,mux=on" -mon chardev=com1 || status=$?
    else
        exec 5<&0
        exec 6< <(exec cat <&5)
        feeder=$!
        watch_for_end &
        watcher=$!
        "${qemu[@]}" "$@" -chardev "$console" -monitor none <&6 || status=$?
    fi
    # The device makes an odd status of the code. QEMU itself ends with 1 if it does not even start.
    [[ ! -s $log ]] || case $status in 1 | 3 | 5 | 7 | 9) code=$((status / 2)) ;; esac
}
