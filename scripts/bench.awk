# Puts the rows that scripts/bench printed (first file) into the table "The rows" of docs/bench.md
# (second file), and prints the page. Cells without a figure stay as they are.

# A figure as people read it: 1234567.8 is 1,234,567.8.
function grouped(figure,    parts, whole, out) {
    split(figure, parts, ".")
    for (whole = parts[1]; length(whole) > 3; whole = substr(whole, 1, length(whole) - 3))
        out = "," substr(whole, length(whole) - 2) out
    return whole out (2 in parts ? "." parts[2] : "")
}

# What the cell with the words `old` becomes, if there is a row `name`.
function cell(name, old) {
    return name in rows && old ~ /[0-9]/ ? " " grouped(rows[name]) " " : old
}

FNR == NR { if ($1 == "bench") rows[$2] = $3; next }
/^## / { is_table = /^## The rows/ }
is_table && /^\| `/ {
    count = split($0, cells, "|")
    split(cells[2], name, "`")
    cells[3] = cell(name[2], cells[3])
    cells[4] = cell("native-" name[2], cells[4])
    line = ""
    for (i = 2; i < count; i++) line = line "|" cells[i]
    print line "|"
    next
}
{ print }
