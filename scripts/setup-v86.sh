# shellcheck shell=bash
# v86 is a package for Node, of the version and with the bytes that the lock beside its driver names.
# Sourced by scripts/setup.

v86=$target_dir/v86
if ! cmp -s tests/v86/package-lock.json "$v86/package-lock.json" || [[ ! -d $v86/node_modules/v86 ]]; then
    say "putting v86 into $v86"
    mkdir -p "$v86"
    cp tests/v86/package.json tests/v86/package-lock.json "$v86"
    (cd "$v86" && npm ci --silent --no-audit --no-fund --ignore-scripts >&2) ||
        { rm -f "$v86/package-lock.json" && say "v86 could not be installed: there will be no --v86, and no tests in it"; }
fi
