# shellcheck shell=bash
# Debian's packages: which are missing of the parts that are wanted, and their installation.
# Sourced by scripts/setup.

is_there() {
    case $1 in
        /*) compgen -G "$1" >/dev/null ;;
        *) has "$1" ;;
    esac
}

# Prints the packages that are missing: of UEFI, which is no part of its own, if $1 is uefi, else all others.
missing_packages() {
    local part package witness
    while read -r part package witness; do
        [[ $part != "#" ]] || continue
        case ${1-},$part in uefi,uefi) ;; uefi,* | *,uefi) continue ;; esac
        is_wanted "${part/uefi/release}" && ! is_there "$witness" && printf ' %s' "$package"
    done <scripts/packages
    return 0
}

as_root() {
    if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}

install_packages() {
    has apt-get || die "please install what Debian calls:$1"
    ((EUID == 0)) || has sudo || die "not root and no sudo: please install$1"
    ask "the packages$1"
    as_root apt-get update -qq || say "apt-get update failed; trying with the lists that are there"
    # shellcheck disable=SC2086 # a list of packages
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq -o Dpkg::Use-Pty=0 --no-install-recommends $1 >&2
}

packages=$(missing_packages)
[[ -z $packages ]] || install_packages "$packages" || die "could not install:$packages"
packages=$(missing_packages)
[[ -z $packages ]] || die "still missing:$packages"

# Without UEFI everything runs but its own tests, which say so.
packages=$(missing_packages uefi)
[[ -z $packages || (-z $yes && ! -t 0) ]] || install_packages "$packages" || say "could not install:$packages"
