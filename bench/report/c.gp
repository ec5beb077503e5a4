# c.gp - three panels; see style.gp.
array colour[7] = ["#1f4e9c", "#6fa3e0", "#b04030", "#d9a441", \
                   "#5a9a50", "#8a6bb0", "#888888"]
array shade[3] = ["#1f4e9c", "#999999", "#cccccc"]

set title "Handing an item over, ns (less is better; median and spread)"
set yrange [hand_over_low:hand_over_high]
plot for [k=1:words(impls)] $hand_over \
    using 3*k-1:3*k:3*k+1:xtic(1) title word(impls, k) linecolor rgb colour[k]

set title "Other operations, ns, same colours (less is better)"
set yrange [quick_low:quick_high]
set format y "%g"
set key off
plot for [k=1:words(impls)] $quick \
    using 3*k-1:3*k:3*k+1:xtic(1) title word(impls, k) linecolor rgb colour[k]

set title "One interpreter's lock: pairs per second (more is better), by policy"
set yrange [gil_low:gil_high]
set format y "%.0s %c"
set key on
plot for [k=1:words(policies)] $gil \
    using 3*k-1:3*k:3*k+1:xtic(1) title word(policies, k) \
    linecolor rgb shade[k]
unset multiplot
