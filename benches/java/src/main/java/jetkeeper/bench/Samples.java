package jetkeeper.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/**
 * Input and output: whoever started the program asks for every sample with a line, so that samples of others can be taken
 * in between, and is answered with a line in milliseconds. The end of the input ends the program.
 */
final class Samples {
    private final BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));

    boolean wanted() throws IOException {
        return lines.readLine() != null;
    }

    void print(long fromNanos, long toNanos) {
        System.out.printf(Locale.ROOT, "%.3f%n", (toNanos - fromNanos) / 1e6);
        System.out.flush();
    }
}
