# shellcheck shell=bash
# v86 as scripts/run starts it. Sourced by scripts/machine.sh.
# shellcheck disable=SC2154

# Starts v86 under Node, with its serial port on standard input and output.
start_v86() {
    scripts/setup v86
    local status=0 node
    [[ -d $target_dir/v86/node_modules/v86 ]] || die "v86 is not there; scripts/setup brings it" 4
    idle=$((idle * 6))
    if [[ -t 0 ]]; then
        say "Ctrl-A ? lists Kennel's keys, Ctrl-A X leaves, as does Ctrl-C"
        saved_tty=$(stty -g)
        stty -icanon -echo -icrnl
    fi
    exec 5<&0 # what runs in the background is given no standard input of its own
    exec 6< <(exec cat <&5)
    feeder=$!
    exec 7> >(exec tee -p "$log" 2>/dev/null)
    node tests/v86/machine.mjs "$(realpath "$target_dir/v86/node_modules/v86")" "$own/kennel.iso" "$megs" <&6 >&7 &
    bochs=$!
    echo "$bochs" >"$own/pid"
    watch_for_end &
    watcher=$!
    wait "$bochs" || status=$?
    bochs=''
    exec 7>&-
    # The device makes an odd status of the code, as QEMU's does; Node itself ends with 1 if it cannot start.
    [[ ! -s $log ]] || case $status in 1 | 3 | 5 | 7 | 9) code=$((status / 2)) ;; esac
}
