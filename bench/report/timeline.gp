# timeline.gp - a panel for each variant: who had the GIL when.  timeline.py
# defines `output`, `heading`, `stop` in ms, `titles`, and a data block for
# each variant: row, first, last in ms.
set terminal svg noenhanced size 1100,520 font "sans-serif,12" background "white"
set output output
set style fill solid 1
set border 1
set key off
set xrange [0:stop]
set yrange [-0.5:2.5]
set tics nomirror scale 0.5
set grid xtics linecolor "#dddddd"
set ytics ("CPU-bound" 0, "producer" 1, "consumer" 2) scale 0
array colour[3] = ["#b04030", "#6fa3e0", "#1f4e9c"]

set multiplot layout words(blocks),1 title heading font ",15" \
    margins 0.09,0.98,0.11,0.85 spacing 0.05,0.17
do for [k=1:words(blocks)] {
    set title titles[k]
    if (k == words(blocks)) {
        set xlabel "ms; where consumer and producer are solid, they change " \
            . "every few microseconds"
    }
    plot for [row=0:2] "$" . word(blocks, k) \
        using ($1 == row ? ($2 + $3) / 2 : NaN):1:2:3:($1 - 0.4):($1 + 0.4) \
        with boxxyerror linecolor rgb colour[row + 1] linewidth 0.5 \
        fillstyle solid 1 border linecolor rgb colour[row + 1]
}
unset multiplot
