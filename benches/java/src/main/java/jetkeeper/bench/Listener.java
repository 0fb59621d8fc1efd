package jetkeeper.bench;

import com.hazelcast.jet.Job;
import java.io.IOException;

/**
 * Listens to the status of a job that somebody else keeps, and prints every change with the time at which the listener was
 * told: "STATUS nanoseconds" by the machine's monotonic clock. Prints a line once it listens; the end of the input ends it.
 *
 * <p>Arguments: address, cluster name, name of the job.
 */
public final class Listener {
    private Listener() {
    }

    public static void main(String[] args) throws IOException {
        try (Cluster cluster = new Cluster(args[0], args[1])) {
            Job job = cluster.job(args[2]);
            job.addStatusListener(event -> {
                long told = System.nanoTime();
                System.out.println(event.getNewStatus() + " " + told);
                System.out.flush();
            });
            System.out.println("listening " + System.nanoTime());
            System.out.flush();
            while (System.in.read() >= 0) {
                // Until whoever started this closes its end.
            }
        }
    }
}
