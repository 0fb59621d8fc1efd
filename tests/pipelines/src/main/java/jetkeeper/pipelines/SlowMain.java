package jetkeeper.pipelines;

import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Takes its time before it submits: whoever uploaded waits that long for an answer. Parameter: a word for the member's log
 * that tells that it has begun, and the name of the file in the member's directory that lets it go on.
 */
public final class SlowMain {
    private static final long LOOK_INTERVAL_MILLIS = 20;

    private SlowMain() {
    }

    public static void main(String[] args) throws InterruptedException {
        System.out.println("main begins: " + args[0]);
        Path letsGo = Path.of(args[0]);
        while (!Files.exists(letsGo)) {
            Thread.sleep(LOOK_INTERVAL_MILLIS);
        }
        Jobs.submit(Jobs.endless(), Jobs.config());
    }
}
