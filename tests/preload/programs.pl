# Threads of Perl, whose locks and queues are made of conditions.
use strict;
use warnings;
use threads;
use threads::shared;
use Thread::Queue;

my $turn : shared = 0;

# Two threads take turns; the first has the even ones.
sub take_turns {
    my ($me) = @_;
    for (1 .. 500) {
        lock($turn);
        cond_wait($turn) while $turn % 2 != $me;
        $turn++;
        cond_broadcast($turn);
    }
    return $me;
}

my @threads = map { threads->create(\&take_turns, $_) } 0, 1;
print join(',', map { $_->join } @threads), " $turn\n";

my $queue = Thread::Queue->new;
my $reader = threads->create(sub {
    my $sum = 0;
    while (defined(my $item = $queue->dequeue)) { $sum += $item }
    return $sum;
});
$queue->enqueue($_) for 1 .. 5000;
$queue->end;
print $reader->join, "\n";

{
    lock($turn);
    my $end = time + 1;
    1 while cond_timedwait($turn, $end);
    print "timed out\n";
}
