package jetkeeper.bench;

import com.hazelcast.client.HazelcastClient;
import com.hazelcast.client.config.ClientConfig;
import com.hazelcast.core.HazelcastInstance;
import com.hazelcast.jet.Job;
import com.hazelcast.jet.core.JobStatus;
import com.hazelcast.jet.impl.JetClientInstanceImpl;
import com.hazelcast.jet.impl.SubmitJobParameters;
import java.nio.file.Path;
import java.util.List;
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

    HazelcastInstance client() {
        return client;
    }

    Job submit(Path jar, String mainClass, String name) {
        return submit(SubmitJobParameters.withJarOnClient().setJarPath(jar).setMainClass(mainClass), name);
    }

    /** The main class is the jar's; the snapshot may be null. */
    Job submit(Path jar, String name, List<String> parameters, String snapshot) {
        SubmitJobParameters job = SubmitJobParameters.withJarOnClient().setJarPath(jar).setJobParameters(parameters);
        if (snapshot != null) {
            job.setSnapshotName(snapshot);
        }
        return submit(job, name);
    }

    private Job submit(SubmitJobParameters job, String name) {
        jet.submitJobFromJar(job.setJobName(name));
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

    static void suspend(Job job) throws InterruptedException {
        try (StatusLatch latch = new StatusLatch(job, JobStatus.SUSPENDED)) {
            job.suspend();
            latch.await();
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
