# table.awk original native.rows guest.rows: three runs side by side, and the geometric mean of what
# being a Guest costs, without the rows that are the CPU's alone.
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
