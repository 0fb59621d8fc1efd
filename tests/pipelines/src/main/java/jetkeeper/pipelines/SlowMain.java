package jetkeeper.pipelines;

/**
 * Takes its time before it submits: whoever uploaded waits that long for an answer. Parameters: milliseconds; a word for
 * the member's log that tells that it has begun (none).
 */
public final class SlowMain {
    private SlowMain() {
    }

    public static void main(String[] args) throws InterruptedException {
        if (args.length > 1) {
            System.out.println("main begins: " + args[1]);
        }
        Thread.sleep(Long.parseLong(args[0]));
        Jobs.submit(Jobs.endless(), Jobs.config());
    }
}
