package jetkeeper.pipelines;

/** Joins its job, which members refuse after they started the job: an error that is a success. */
public final class Joining {
    private Joining() {
    }

    public static void main(String[] args) {
        Jobs.submit(Jobs.endless(), Jobs.config()).join();
    }
}
