import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.ArrayList;
import java.util.List;

/** Threads of Java, whose monitors and parkers are made of conditions. */
public class Programs {
    private static int turn;

    private static void takeTurns(int me) throws InterruptedException {
        synchronized (Programs.class) {
            for (int i = 0; i < 2000; i++) {
                while (turn % 2 != me)
                    Programs.class.wait();
                turn++;
                Programs.class.notifyAll();
            }
        }
    }

    private static void turns() throws Exception {
        Thread other = new Thread(() -> {
            try {
                takeTurns(0);
            } catch (InterruptedException e) {
                System.out.println("interrupted");
            }
        });
        other.start();
        takeTurns(1);
        other.join();
        System.out.println(turn);
    }

    private static void queue(ExecutorService pool) throws Exception {
        ArrayBlockingQueue<Integer> queue = new ArrayBlockingQueue<>(3);
        Future<Long> sum = pool.submit(() -> {
            long all = 0;
            for (int i = 0; i < 20000; i++)
                all += queue.take();
            return all;
        });
        for (int i = 0; i < 20000; i++)
            queue.put(i);
        System.out.println(sum.get() + " "
                           + queue.poll(20, TimeUnit.MILLISECONDS));
    }

    private static void barrier(ExecutorService pool) throws Exception {
        CyclicBarrier barrier = new CyclicBarrier(4);
        List<Future<Integer>> rounds = new ArrayList<>();
        for (int i = 0; i < 4; i++)
            rounds.add(pool.submit(() -> {
                int round = 0;
                while (round < 500) {
                    barrier.await();
                    round++;
                }
                return round;
            }));
        for (Future<Integer> round : rounds)
            System.out.println(round.get());
    }

    public static void main(String[] args) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(4);
        turns();
        queue(pool);
        barrier(pool);
        pool.shutdown();
        System.out.println(pool.awaitTermination(1, TimeUnit.MINUTES));
    }
}
