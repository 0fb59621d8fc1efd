package jetkeeper.pipelines;

/** Returns without a job submitted. */
public final class NoJob {
    private NoJob() {
    }

    public static void main(String[] args) {
        // Nothing: that is the point.
    }
}
