/* SPDX-License-Identifier: MIT */
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
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

    /** Nobody notifies: all ways to wait end by themselves, and not early. */
    private static void timeouts() throws Exception {
        long begin = System.nanoTime();
        synchronized (Programs.class) {
            Programs.class.wait(50);
        }
        ReentrantLock lock = new ReentrantLock();
        Condition condition = lock.newCondition();
        lock.lock();
        boolean notified = condition.await(50, TimeUnit.MILLISECONDS);
        lock.unlock();
        boolean acquired = new Semaphore(0).tryAcquire(
            50, TimeUnit.MILLISECONDS);
        long passed = System.nanoTime() - begin;
        System.out.println(notified + " " + acquired + " "
                           + (passed >= 100_000_000));
    }

    private static void handOver(ExecutorService pool) throws Exception {
        SynchronousQueue<Integer> queue = new SynchronousQueue<>();
        Future<Long> sum = pool.submit(() -> {
            long all = 0;
            for (int i = 0; i < 5000; i++)
                all += queue.take();
            return all;
        });
        for (int i = 0; i < 5000; i++)
            queue.put(i);
        System.out.println(sum.get());
    }

    public static void main(String[] args) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(4);
        turns();
        queue(pool);
        barrier(pool);
        handOver(pool);
        timeouts();
        pool.shutdown();
        System.out.println(pool.awaitTermination(1, TimeUnit.MINUTES));
    }
}
