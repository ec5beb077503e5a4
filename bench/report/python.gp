# python.gp - three panels; see style.gp.  The bars are stock and native for
# each Python: one pair of colours each.
array colour[4] = ["#bbbbbb", "#6fa3e0", "#777777", "#1f4e9c"]
name(k) = word(kinds, k) . " " . word(versions, k)

set title "Several threads: ns per item, round, call (less is better; median and spread)"
set yrange [300:3e6]
plot for [k=1:words(kinds)] $threads \
    using 3*k-1:3*k:3*k+1:xtic(1) title name(k) linecolor rgb colour[k]

set title "One thread: ns (less is better)"
set yrange [3:3e4]
set key off
plot for [k=1:words(kinds)] $alone \
    using 3*k-1:3*k:3*k+1:xtic(1) title name(k) linecolor rgb colour[k]

set title "giltest: pairs per second, alone and beside a CPU-bound thread (more is better)"
set yrange [10:1e7]
plot for [k=1:words(kinds)] $giltest \
    using 3*k-1:3*k:3*k+1:xtic(1) title name(k) linecolor rgb colour[k]
unset multiplot
