package jetkeeper.pipelines;

import java.util.concurrent.CountDownLatch;

/** Submits its job and never returns from main: the job runs, and the upload gets no answer, ever. */
public final class NeverEnds {
    private NeverEnds() {
    }

    public static void main(String[] args) throws InterruptedException {
        Jobs.submit(Jobs.endless(), Jobs.config());
        new CountDownLatch(1).await();
    }
}
