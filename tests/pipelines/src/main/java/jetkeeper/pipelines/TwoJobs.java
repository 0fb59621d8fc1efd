package jetkeeper.pipelines;

/** Submits two jobs; members give both the one name of the upload, and refuse the second. */
public final class TwoJobs {
    private TwoJobs() {
    }

    public static void main(String[] args) {
        Jobs.submit(Jobs.endless(), Jobs.config());
        Jobs.submit(Jobs.endless(), Jobs.config());
    }
}
