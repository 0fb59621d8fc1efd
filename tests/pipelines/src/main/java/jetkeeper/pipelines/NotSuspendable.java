package jetkeeper.pipelines;

/** A job that says of itself that it must not be suspended. */
public final class NotSuspendable {
    private NotSuspendable() {
    }

    public static void main(String[] args) {
        Jobs.submit(Jobs.endless(), Jobs.config().setArgument("__jet.jobIsSuspendable", false));
    }
}
