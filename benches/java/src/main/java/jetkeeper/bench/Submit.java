package jetkeeper.bench;

import com.hazelcast.jet.Job;
import com.hazelcast.jet.core.JobStatus;
import java.nio.file.Path;
import java.util.List;

/**
 * Submits a jar again and again, and prints for each time how long it took from the call until the job was RUNNING. The
 * first submits warm the client and the member up, and are not printed.
 *
 * <p>Arguments: address, cluster name, jar, number of samples, number of warm-up submits, then the job's parameters.
 */
public final class Submit {
    private Submit() {
    }

    public static void main(String[] args) throws InterruptedException {
        Path jar = Path.of(args[2]);
        int samples = Integer.parseInt(args[3]);
        int warmUps = Integer.parseInt(args[4]);
        List<String> parameters = List.of(args).subList(5, args.length);
        String prefix = "java-" + ProcessHandle.current().pid() + "-";

        try (Cluster cluster = new Cluster(args[0], args[1])) {
            for (int i = 0; i < warmUps + samples; i++) {
                long called = System.nanoTime();
                Job job = cluster.submit(jar, prefix + i, parameters);
                Cluster.await(job, JobStatus.RUNNING);
                long running = System.nanoTime();
                if (i >= warmUps) {
                    Samples.print(called, running);
                }
                Cluster.cancel(job);
            }
        }
    }
}
