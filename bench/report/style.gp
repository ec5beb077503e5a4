# style.gp - what the charts have in common; chart.py defines `output`,
# `heading` and the data blocks: per row a label, then for each bar its
# median, lowest and highest.  NAME_low and NAME_high are the ends of the axis
# of block NAME.
set terminal svg noenhanced size 1100,1150 font "sans-serif,12" background "white"
set output output
set style data histogram
set style histogram errorbars gap 1.5 linewidth 1
set style fill solid 0.9 border -1
set boxwidth 0.95
set grid ytics linecolor "#dddddd"
set border 3
set tics nomirror
set xtics scale 0
set logscale y
set key inside top right horizontal maxcols 4 samplen 1.5
set datafile missing "NaN"
set format y "%.0s %c"

set multiplot layout 3,1 title heading font ",15" margins 0.08,0.98,0.07,0.91 \
    spacing 0.05,0.09
