# shellcheck shell=bash
# A Guest as boot modules: which files they are, and what each one's line says.
# Sourced by scripts/iso after lib.sh; reads what its options have set.

files=() places=() lines=()

# A file someone named, which must be there to be read.
readable() {
    local file
    file=$(absolute "$1")
    [[ -f $file && -r $file ]] || wrong_usage "cannot read $1"
    printf '%s' "$file"
}

# Notes a module: file (none: it is there already), place in /boot, line.
add_module() {
    files+=("$1") places+=("$2") lines+=("$3")
}

# A card on the network lan, if nobody says otherwise; none if that is what was said.
furnish_network() {
    ((${#net[@]})) || net=(lan)
    [[ ${net[*]} != none ]] || net=()
}

# What the demo gets if nobody says otherwise: a disk of 256 lines of 32 bytes.
furnish_demo() {
    local example=$target_dir/example.txt
    ((${#disk[@]})) || {
        mkdir -p "$target_dir"
        seq --format='This is line %03g of an example.' 0 255 >"$example.$$"
        mv "$example.$$" "$example" # another run may be reading it
        disk=("$example")
    }
}

# Makes modules of the options: the Guest, its initrd, its symbols, its disks.
add_guest() {
    local words='' disks='' each how file index letter
    furnish_network
    # shellcheck disable=SC2154 # the options are scripts/iso's
    [[ -n $kernel ]] || furnish_demo
    for index in "${!disk[@]}"; do
        letter=$(printf "\\x$(printf %x $((97 + index)))")
        each=${disk[index]} how=''
        case $each in *,ro | *,cow | *,cow=keep) how=" ${each##*,}" each=${each%,*} ;; esac
        file=$(readable "$each")
        disks+=${disks:+,}vd$letter
        add_module "$file" "disk$index" "disk name=vd$letter$how"
    done
    words=${disks:+ disk=$disks}
    # shellcheck disable=SC2154
    for each in "${net[@]}"; do words+=" net=$each"; done
    file=${kernel:+$(readable "$kernel")}
    # shellcheck disable=SC2154
    add_module "$file" guest "guest name=$name${mem:+ mem=$mem}$words -- $append"
    [[ -z $initrd ]] || file=$(readable "$initrd")
    [[ -z $initrd ]] || add_module "$file" initrd "initrd for=$name"
    # shellcheck disable=SC2154
    [[ -z $symbols ]] || file=$(readable "$symbols")
    [[ -z $symbols ]] || add_module "$file" symbols "symbols for=$name"
}

# Prints words the way GRUB reads them back unchanged: each in single quotes, after a space.
grub_words() {
    local word
    for word in $1; do
        printf " '%s'" "${word//\'/\'\\\'\'}"
    done
}

# Prints a line of GRUB's menu for each module, $1 being GRUB's word for one.
grub_modules() {
    local index
    for index in "${!places[@]}"; do
        printf '    %s --nounzip /boot/%s%s\n' "$1" "${places[index]}" "$(grub_words "${lines[index]}")"
    done
}
