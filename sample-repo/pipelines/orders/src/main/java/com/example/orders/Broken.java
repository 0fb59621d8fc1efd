package com.example.orders;

/** A version with a mistake in it: the job fails with its first order. To see what happens then. */
public final class Broken {
    /** Long after its first order: so it is plain that it committed nothing before it failed. */
    private static final long SNAPSHOT_INTERVAL_MILLIS = 10_000;

    private Broken() {
    }

    public static void main(String[] args) {
        Orders.submit(args, " (broken)", SNAPSHOT_INTERVAL_MILLIS, order -> {
            throw new IllegalStateException("no customer is known of order " + order.sequence());
        });
    }
}
