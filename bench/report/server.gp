# server.gp - three panels; see style.gp.
array colour[4] = ["#777777", "#c98f1f", "#5a9a50", "#1f4e9c"]
set xtics font ",10"

set title "Threaded HTTP servers: requests per second (more is better; median and spread)"
set yrange [alone_low:alone_high]
plot for [k=1:words(variants)] $alone using 3*k-1:3*k:3*k+1:xtic(1) \
    title word(variants, k) linecolor rgb colour[k]

set title "Beside a CPU-bound thread: requests per second (more is better)"
set yrange [beside_low:beside_high]
set key off
plot for [k=1:words(variants)] $beside using 3*k-1:3*k:3*k+1:xtic(1) \
    title word(variants, k) linecolor rgb colour[k]

set title "Beside a CPU-bound thread: the 99th percentile of the latency, ms (less is better)"
set yrange [p99_low:p99_high]
plot for [k=1:words(variants)] $p99 using 3*k-1:3*k:3*k+1:xtic(1) \
    title word(variants, k) linecolor rgb colour[k]
unset multiplot
