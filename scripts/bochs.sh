# shellcheck shell=bash
# Bochs as scripts/run starts it. Sourced by scripts/machine.sh.
# shellcheck disable=SC2154

# Reads what Bochs draws, for it waits when nobody does: after some thousand letters. It draws on a
# terminal of its own making, and tells which on the one it was given.
watch_screen() {
    local screen=''
    while [[ -z $screen && -d $own ]]; do
        sleep 0.1
        screen=$(sed -n 's/^Bochs connected to screen "\([^"]*\)".*/\1/p' "$own/screen" 2>/dev/null)
    done
    stty raw -echo <"$screen" && cat "$screen"
} >/dev/null 2>&1

# Starts Bochs. Its serial port is a TCP socket it listens on; the screen it insists on
# drawing goes to a terminal that nobody looks at.
start_bochs() {
    scripts/setup bochs
    local port
    port=$(free_port $((20000 + RANDOM % 20000)))
    idle=$((idle * 6))
    exec 5<&0 # what runs in the background is given no standard input of its own
    echo continue >"$own/commands"
    TERM=xterm script -qec "bochs -q -f scripts/bochsrc -rc $own/commands \
        -log $own/bochs.log 'megs: $megs' \
        'ata0-master: type=cdrom, path=$own/kennel.iso, status=inserted' \
        'com1: enabled=1, mode=socket-server, dev=localhost:$port'" \
        /dev/null </dev/null >"$own/screen" 2>&1 &
    bochs=$!
    watch_screen &
    echo "$bochs" >"$own/pid"
    until { exec 7<>"/dev/tcp/localhost/$port"; } 2>/dev/null; do
        kill -0 "$bochs" 2>/dev/null || die "Bochs did not start: $(tail -n 3 "$own/bochs.log" 2>&1)" 4
        sleep 0.1
    done
    if [[ -t 0 ]]; then
        say "Ctrl-A ? lists Kennel's keys, Ctrl-A X leaves, as does Ctrl-C"
        saved_tty=$(stty -g)
        stty -icanon -echo -icrnl
    fi
    cat <&5 >&7 &
    feeder=$!
    watch_for_end &
    watcher=$!
    tee -p "$log" <&7 2>/dev/null || true
    wait "$bochs" || true
    bochs=''
    # Only the Host can switch the power off, and its last line is the last it says before.
    ! grep -q 'ACPI control: soft power off' "$own/bochs.log" ||
        code=$(tail -n 1 "$log" | tr -d '\r' | sed -n 's/^host: end, exit code \([0-4]\)$/\1/p')
}
