# The plots of a whole run: gnuplot -e "data='DIR'; out='DIR'; where='MACHINE'" plots.gp
# Bars and points are medians of the rounds, whiskers their quartiles.
set terminal svg size 960,600 font 'sans-serif,14' background 'white'
set encoding utf8
set datafile separator "\t"
set border 3
set tics nomirror out
set style fill solid 0.9 noborder
set grid ytics lc rgb '#dddddd'
set errorbars lw 1.5 lc rgb '#222222'
set format y '%g'
set format x '%g'
set label 1 where at screen 0.5,0.022 center font ',11' noenhanced

ours = '#1b6ca8'
ours2 = '#5aa9dd'
ours3 = '#a9d6f5'
peer = '#d1603d'
peer2 = '#e8a087'
grey = '#777777'

# ---- every figure: name ratio low high must ----
set output out.'/ratios.svg'
set title 'How many times better than the peer, and what to reach'
set xlabel 'times better than the peer; of stream and shared-4on1, the part of a bound (logarithmic)' offset 0,-0.3
set logscale x 10
unset grid
set grid xtics lc rgb '#dddddd'
set ytics noenhanced
set yrange [-0.7:*]
set xrange [0.4:*]
set key bottom right
set lmargin 26
set bmargin 5
plot data.'/ratios.dat' using 2:0:(0.4):2:($0-0.32):($0+0.32):yticlabels(1) with boxxyerror \
         lc rgb ours title 'median', \
     '' using 2:0:3:4 with xerrorbars pt 0 lc rgb '#222222' lw 1.5 title 'quartiles', \
     '' using 5:0:(0):(0.45) with vectors nohead lc rgb peer lw 3 title 'to reach', \
     '' using 5:0:(0):(-0.45) with vectors nohead lc rgb peer lw 3 notitle
unset logscale
unset grid
set grid ytics lc rgb '#dddddd'
set ytics enhanced
set xrange [*:*]
set lmargin -1

# ---- pairs of bars: name ours low high peer low high ----
set style data histogram
set style histogram errorbars gap 1 lw 1.5
set xtics noenhanced
set key outside right top vertical reverse Left width -2
unset xlabel
set logscale y 10

set xrange [-0.6:6.6]
set xtics font ',12'
set output out.'/produce.svg'
set title 'What a record of 8 bytes costs its producer, as long as there is room'
set ylabel 'ns a record (logarithmic)'
set yrange [0.5:*]
plot data.'/produce.dat' using 2:3:4:xticlabels(1) lc rgb ours title 'chute', \
     '' using 5:6:7 lc rgb peer title 'libbpf'

set xrange [-0.6:4.6]
set output out.'/stream.svg'
set title 'Into a BPF program on another CPU: time a message'
set ylabel 'ns a message (logarithmic)'
set yrange [0.5:*]
plot data.'/stream.dat' using 2:3:4:xticlabels(1) lc rgb ours title 'chute', \
     '' using 5:6:7 lc rgb peer title 'libbpf'

set xrange [-0.6:5.6]
set output out.'/wake-latency.svg'
set title 'A blocked producer: from space to running, and the CPU time of its wait'
set ylabel 'µs (logarithmic)'
set yrange [0.5:*]
plot data.'/wake-latency.dat' using 2:3:4:xticlabels(1) lc rgb ours title 'chute', \
     '' using 5:6:7 lc rgb peer title 'libbpf'

# ---- one row of bars: name value low high ----
set xrange [-0.6:4.6]
set output out.'/against-map.svg'
set title 'One 8-byte message to a BPF program, by other means'
set ylabel 'ns a message (logarithmic)'
set yrange [0.5:*]
plot data.'/against-map.dat' using 2:3:4:xticlabels(1) lc rgb ours notitle

set xrange [-0.6:1.6]
set output out.'/memory.svg'
set title 'From one process to another: time a message'
set yrange [1:*]
plot data.'/memory.dat' using 2:3:4:xticlabels(1) lc rgb ours title 'chute', \
     '' using 5:6:7 lc rgb ours2 title 'chute, batches of 32', \
     '' using 8:9:10 lc rgb ours3 title 'chute, packed', \
     '' using 11:12:13 lc rgb '#3c8c4f' title 'ck\_ring', \
     '' using 14:15:16 lc rgb peer title 'pipe', \
     '' using 17:18:19 lc rgb peer2 title 'pipe, 32 a write', \
     '' using 20:21:22 lc rgb grey title 'socket', \
     '' using 23:24:25 lc rgb '#bbbbbb' title 'socket, 32 a call'

# ---- scaling: blocks of x chute memcpy libbpf, with what they have in common first ----
set style data linespoints
set logscale x 2
set ylabel 'GB/s of payload (logarithmic)'
set pointsize 0.7
set key maxrows 20 samplen 2 spacing 1.1
set grid xtics ytics lc rgb '#e4e4e4'
colors = "#1b6ca8 #d1603d #3c8c4f #8a5bb0 #b8860b"
color(i) = word(colors, i + 1)

set output out.'/scaling-message.svg'
file = data.'/scaling-message.dat'
block(i) = 2 * i + 1 # of the eight rings: 16K, 256K, 4M, 64M
set title 'Into a BPF program on another CPU, copied in and out: bytes a second'
set xlabel 'bytes a message'
set xtics ('8' 8, '64' 64, '512' 512, '4 KiB' 4096, '64 KiB' 65536)
set xrange [6:90000]
set yrange [0.02:300]
plot for [i=0:3] file index block(i) using 1:2 lc rgb color(i) lw 2 pt 7 \
         title 'chute, ring of '.columnheader(1), \
     for [i=0:3] file index block(i) using 1:4 lc rgb color(i) lw 1.5 dt 3 pt 2 \
         title 'libbpf, ring of '.columnheader(1), \
     for [i=1:3:2] file index block(i) using 1:3 lc rgb color(i) lw 1.5 dt 2 pt 6 \
         title 'memcpy within '.columnheader(1)

set output out.'/scaling-ring.svg'
file = data.'/scaling-ring.dat'
set xlabel 'bytes of data in the ring'
set xtics ('4 KiB' 4096, '16 KiB' 16384, '64 KiB' 65536, '256 KiB' 262144, '1 MiB' 1048576, \
           '4 MiB' 4194304, '16 MiB' 16777216, '64 MiB' 67108864) font ',12'
set xrange [3000:90000000]
plot for [i=0:4] file index i using 1:2 lc rgb color(i) lw 2 pt 7 \
         title 'chute, messages of '.columnheader(1), \
     for [i=0:4] file index i using 1:4 lc rgb color(i) lw 1.5 dt 3 pt 2 \
         title 'libbpf, '.columnheader(1), \
     for [i=0:4] file index i using 1:3 lc rgb color(i) lw 1.5 dt 2 pt 6 \
         title 'memcpy, '.columnheader(1)
