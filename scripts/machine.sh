# shellcheck shell=bash
# What all machines share that scripts/run can start, and when they end. Each run has a
# directory of its own, so that several may go on at once. Sourced after lib.sh; reads the
# settings that lab/src/machine.rs makes of the options.
# shellcheck disable=SC2154

mkdir -p "$target_dir"
own=$(mktemp -d "$target_dir/run.XXXXXX")
log=$own/log feeder='' watcher='' bochs='' saved_tty='' code=''

# Leaves nothing behind: neither processes, nor files, nor a terminal that is not as it was.
clean_up() {
    # shellcheck disable=SC2086 # those there are
    kill $feeder $watcher $bochs 2>/dev/null || true
    [[ -z $saved_tty ]] || stty "$saved_tty"
    rm -rf "$own"
}
trap clean_up EXIT

# Starts the machine that the settings ask for.
start_the_machine() {
    local second_port=()
    : >"$log"
    ln -f "$log" "$target_dir/run.log"
    [[ -z $saved ]] || second_port=(-serial "file:$saved")
    # shellcheck source=/dev/null
    source "scripts/$machine.sh"
    start_"$machine" "${second_port[@]}"
}

# The first port from $1 on that nobody listens at. Nobody is called to find out: whoever calls at
# another machine's GDB port stops that machine.
free_port() {
    local port=$1
    while grep -qE "^ *[0-9]+: [0-9A-F]+:$(printf %04X "$port") \S+ 0A" /proc/net/tcp /proc/net/tcp6; do
        port=$((port + 1))
    done
    printf %d "$port"
}

# Ends the machine when its time is up, or when it has been idle for so long with nothing left to type:
# it has said nothing and, in QEMU, computed less than an eighth of each second.
watch_for_end() {
    SECONDS=0
    local since=$SECONDS size=0 ticks=0 now stat
    while sleep 1; do
        ((timeout == 0 || SECONDS < timeout)) || end_machine "ended after $timeout s, as --timeout says"
        ((idle > 0)) && [[ -n $feeder ]] && ! kill -0 "$feeder" 2>/dev/null || { since=$SECONDS && continue; }
        now=$(stat -c %s "$log")
        [[ $machine != qemu ]] || read -ra stat <"/proc/$(<"$own/pid")/stat" || return
        ((now == size && ${stat[13]:-0} + ${stat[14]:-0} - ticks < 12)) || since=$SECONDS
        ((now > 0 || SECONDS > 60)) || since=$SECONDS # it has not begun
        size=$now ticks=$((${stat[13]:-0} + ${stat[14]:-0}))
        ((SECONDS - since < idle)) || end_machine "ended: no more input, and nothing happened for $idle s (--idle S changes that)"
    done
}

# Ends the machine and notes why.
end_machine() {
    echo "$1" >"$own/why"
    kill "$(<"$own/pid")"
    exit
}

# Ends with the Host's code, or 4 if the machine ended in another way.
exit_with_the_hosts_code() {
    [[ -n $code ]] || die "$(cat "$own/why" 2>/dev/null || echo 'the machine ended before the Host said so')" 4
    exit "$code"
}
