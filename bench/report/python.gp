# python.gp - three panels; see style.gp.  The bars are stock and native for
# each Python: one pair of colours each.
array colour[4] = ["#bbbbbb", "#6fa3e0", "#777777", "#1f4e9c"]
name(k) = word(kinds, k) . " " . word(versions, k)

set title "Several threads: ns per item, round, call (less is better; median and spread)"
set yrange [threads_low:threads_high]
plot for [k=1:words(kinds)] $threads \
    using 3*k-1:3*k:3*k+1:xtic(1) title name(k) linecolor rgb colour[k]

set title "One thread: ns (less is better)"
set yrange [alone_low:alone_high]
set key off
plot for [k=1:words(kinds)] $alone \
    using 3*k-1:3*k:3*k+1:xtic(1) title name(k) linecolor rgb colour[k]

# A pale and a dark one for each variant.
array pale[5] = ["#cccccc", "#ecd08f", "#c9b3dd", "#9cc39a", "#9dbfe8"]
array dark[5] = ["#777777", "#c98f1f", "#7d5aa6", "#5a9a50", "#1f4e9c"]
gil_name(k) = word(variants, k) . " " . word(gil_versions, k)
gil_colour(k) = k > words(variants) - 5 ? dark[(k - 1) % 5 + 1] \
    : pale[(k - 1) % 5 + 1]

set title "Sharing the GIL: pairs, answers per second, alone and beside CPU-bound threads (more is better)"
set yrange [gil_low:gil_high]
set key on
plot for [k=1:words(variants)] $gil using 3*k-1:3*k:3*k+1:xtic(1) \
    title gil_name(k) linecolor rgb gil_colour(k)
unset multiplot
