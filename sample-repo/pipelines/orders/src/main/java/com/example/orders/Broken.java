package com.example.orders;

/** A version with a mistake in it: the job fails with its first order. To see what happens then. */
public final class Broken {
    private Broken() {
    }

    public static void main(String[] args) {
        Orders.submit(args, " (broken)", order -> {
            throw new IllegalStateException("no customer is known of order " + order.sequence());
        });
    }
}
