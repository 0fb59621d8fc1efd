package jetkeeper.bench;

import java.util.Locale;

/** Output: a line a sample, in milliseconds, so that whoever started the program can do the statistics. */
final class Samples {
    private Samples() {
    }

    static void print(long fromNanos, long toNanos) {
        System.out.printf(Locale.ROOT, "%.3f%n", (toNanos - fromNanos) / 1e6);
    }
}
