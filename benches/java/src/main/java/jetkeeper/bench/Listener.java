package jetkeeper.bench;

import com.hazelcast.jet.Job;
import com.hazelcast.jet.core.JobStatus;
import java.nio.file.Path;
import java.util.List;

/**
 * Suspends a running job again and again, and prints for each time how long it took from the call until a status
 * listener was told. The first times warm up, and are not printed.
 *
 * <p>Arguments: address, cluster name, jar, number of samples, number of warm-up suspends, then the job's parameters.
 */
public final class Listener {
    private Listener() {
    }

    public static void main(String[] args) throws InterruptedException {
        Path jar = Path.of(args[2]);
        int samples = Integer.parseInt(args[3]);
        int warmUps = Integer.parseInt(args[4]);
        List<String> parameters = List.of(args).subList(5, args.length);

        try (Cluster cluster = new Cluster(args[0], args[1])) {
            Job job = cluster.submit(jar, "java-listener-" + ProcessHandle.current().pid(), parameters);
            Cluster.await(job, JobStatus.RUNNING);
            for (int i = 0; i < warmUps + samples; i++) {
                long called;
                long told;
                try (Cluster.StatusLatch latch = new Cluster.StatusLatch(job, JobStatus.SUSPENDED)) {
                    called = System.nanoTime();
                    job.suspend();
                    latch.await();
                    told = System.nanoTime();
                }
                if (i >= warmUps) {
                    Samples.print(called, told);
                }
                job.resume();
                Cluster.await(job, JobStatus.RUNNING);
            }
            Cluster.cancel(job);
        }
    }
}
