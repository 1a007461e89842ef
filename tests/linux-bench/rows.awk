# rows.awk MARKS LOG: what a run cost. For each row its name, and what one operation took: instructions,
# and passages of the plugin's `pc`.
FNR == NR && $1 == 0 { start = $2; switches = $3 }
FNR == NR && $1 == 1 && start && !booted++ { print "boot", $2 - start, $3 - switches }
FNR == NR && $1 == 2 { from = $2; switches = $3 }
FNR == NR && $1 == 3 { spent[++rows] = $2 - from; left[rows] = $3 - switches }
FNR < NR && $1 == "bench" && $3 ~ /^[0-9]+$/ { print $2, spent[++row] / $3, left[row] / $3 }
