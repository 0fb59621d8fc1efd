package jetkeeper.bench;

import com.hazelcast.client.HazelcastClient;
import com.hazelcast.client.config.ClientConfig;
import com.hazelcast.core.HazelcastInstance;
import com.hazelcast.jet.Job;
import com.hazelcast.jet.core.JobStatus;
import com.hazelcast.jet.impl.JetClientInstanceImpl;
import com.hazelcast.jet.impl.SubmitJobParameters;
import java.nio.file.Path;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** A client that stays connected, and the calls that are measured. */
final class Cluster implements AutoCloseable {
    private static final long DEADLINE_SECONDS = 60;

    private final HazelcastInstance client;
    private final JetClientInstanceImpl jet;

    Cluster(String address, String name) {
        ClientConfig config = new ClientConfig().setClusterName(name);
        config.getNetworkConfig().addAddress(address);
        client = HazelcastClient.newHazelcastClient(config);
        jet = (JetClientInstanceImpl) client.getJet();
    }

    Job submit(Path jar, String mainClass, String name) {
        jet.submitJobFromJar(SubmitJobParameters.withJarOnClient()
                .setJarPath(jar)
                .setMainClass(mainClass)
                .setJobName(name));
        return jet.getJob(name);
    }

    Job job(String name) {
        return jet.getJob(name);
    }

    /** Waits, by status listener, until the job has the status or had it before the listener was there. */
    static void await(Job job, JobStatus status) throws InterruptedException {
        try (StatusLatch latch = new StatusLatch(job, status)) {
            if (job.getStatus() != status) {
                latch.await();
            }
        }
    }

    /** Members refuse a listener on a job that has ended, so it is there before the call. */
    static void cancel(Job job) throws InterruptedException {
        try (StatusLatch latch = new StatusLatch(job, JobStatus.FAILED)) {
            job.cancel();
            latch.await();
        }
    }

    @Override
    public void close() {
        client.shutdown();
    }

    /** Opens once a listener was told of a status. */
    static final class StatusLatch implements AutoCloseable {
        private final Job job;
        private final JobStatus status;
        private final CountDownLatch seen = new CountDownLatch(1);
        private final UUID listener;

        StatusLatch(Job job, JobStatus status) {
            this.job = job;
            this.status = status;
            listener = job.addStatusListener(event -> {
                if (event.getNewStatus() == status) {
                    seen.countDown();
                }
            });
        }

        void await() throws InterruptedException {
            if (!seen.await(DEADLINE_SECONDS, TimeUnit.SECONDS)) {
                throw new IllegalStateException(job.getName() + " did not become " + status + " within "
                        + DEADLINE_SECONDS + " s, it is " + job.getStatus());
            }
        }

        /** Members drop the listeners of a finished job on their own. */
        @Override
        public void close() {
            if (!job.getStatus().isTerminal()) {
                job.removeStatusListener(listener);
            }
        }
    }
}
