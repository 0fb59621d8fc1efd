package jetkeeper.bench;

import com.hazelcast.jet.Job;
import com.hazelcast.jet.core.JobStatus;
import java.io.IOException;
import java.nio.file.Path;

/**
 * Submits a jar whenever it is asked to, and prints how long it took from the call until the job was RUNNING. The job is
 * cancelled before that is printed.
 *
 * <p>Arguments: address, cluster name, jar, main class.
 */
public final class Submit {
    private Submit() {
    }

    public static void main(String[] args) throws InterruptedException, IOException {
        Path jar = Path.of(args[2]);
        String prefix = "java-" + ProcessHandle.current().pid() + "-";
        Samples samples = new Samples();

        try (Cluster cluster = new Cluster(args[0], args[1])) {
            for (int i = 0; samples.wanted(); i++) {
                long called = System.nanoTime();
                Job job = cluster.submit(jar, args[3], prefix + i);
                Cluster.await(job, JobStatus.RUNNING);
                long running = System.nanoTime();
                Cluster.cancel(job);
                samples.print(called, running);
            }
        }
    }
}
