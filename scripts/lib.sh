# shellcheck shell=bash
# What the scripts share. Sourced, never run; leaves the shell in the project's root.
set -euo pipefail

called_from=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")/.."

triple=i586-unknown-linux-gnu
target_dir=${CARGO_TARGET_DIR:-target}
# shellcheck disable=SC2034 # used by the scripts that source this
release=$target_dir/$triple/release
pinned=$(sed -n 's/^channel *= *"\(.*\)"/\1/p' rust-toolchain.toml)

# Says something to the person, on standard error: standard output belongs to the Guest.
say() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
}

# Says why, and ends with the code given (default 1).
die() {
    say "$1"
    exit "${2:-1}"
}

# Prints the comment at the head of the script, which is its help.
usage() {
    sed -n '2,${/^#/!q; s/^# \{0,1\}//p}' "scripts/${0##*/}"
}

# A wrong option: the help's name and code 64, which no machine returns.
wrong_usage() {
    die "$1; see scripts/${0##*/} --help" 64
}

# The path a person meant when they typed it where they were.
absolute() {
    case $1 in
        /*) printf '%s' "$1" ;;
        *) printf '%s/%s' "$called_from" "$1" ;;
    esac
}

has() {
    command -v "$1" >/dev/null
}

lab=$target_dir/$triple/debug/kennel-lab # which knows the options of scripts/run and scripts/iso

# Brings what part $1 of the set-up is and builds `lab`, which takes a while the first time only.
build_lab() {
    local quiet=--quiet
    scripts/setup "$1"
    [[ -x $lab ]] || { quiet='' && say "building what reads the options"; }
    cargo build $quiet -p kennel-lab </dev/null >&2
}

# Has `lab` do what the words behind $1 say; what it makes for this run goes into $1.
make_medium() {
    build_lab run
    "$lab" "${0##*/}" "$called_from" "$target_dir" "$@"
}

# Makes every cargo below use the pinned toolchain. Where its archive cannot be had but
# another installed toolchain is that very release, that one serves as well.
choose_toolchain() {
    local installed name
    has rustup && [[ -z ${RUSTUP_TOOLCHAIN-} ]] || return 0
    installed=$(rustup toolchain list | cut -d' ' -f1)
    [[ $installed != *"$pinned"* ]] || return 0
    for name in $installed; do
        if [[ $(rustup run "$name" rustc --version 2>/dev/null) == "rustc $pinned "* ]]; then
            export RUSTUP_TOOLCHAIN=$name
            return 0
        fi
    done
    return 1
}

choose_toolchain || true
