package jetkeeper.pipelines;

/** Takes its time before it submits: whoever uploaded waits that long for an answer. Parameter: milliseconds. */
public final class SlowMain {
    private SlowMain() {
    }

    public static void main(String[] args) throws InterruptedException {
        Thread.sleep(Long.parseLong(args[0]));
        Jobs.submit(Jobs.endless(), Jobs.config());
    }
}
