package jetkeeper.pipelines;

import com.hazelcast.client.HazelcastClient;
import com.hazelcast.client.config.ClientConfig;
import com.hazelcast.core.HazelcastInstance;
import com.hazelcast.jet.JobStateSnapshot;
import com.hazelcast.jet.config.JobConfig;
import com.hazelcast.jet.config.ProcessingGuarantee;
import com.hazelcast.jet.pipeline.Pipeline;

/**
 * Somebody with the Java client: lists the exported snapshots, and submits the counter from one of them.
 *
 * <p>Parameters: address, cluster name, name of the snapshot, name of the job, file to which counts are appended, and the
 * jar with these classes.
 */
public final class JavaClient {
    private static final int KEYS = 4;

    private JavaClient() {
    }

    public static void main(String[] args) {
        ClientConfig config = new ClientConfig().setClusterName(args[1]);
        config.getNetworkConfig().addAddress(args[0]);
        HazelcastInstance client = HazelcastClient.newHazelcastClient(config);
        try {
            for (JobStateSnapshot snapshot : client.getJet().getJobStateSnapshots()) {
                System.out.println(snapshot.name() + " of " + snapshot.jobName() + ", " + snapshot.payloadSize() + " bytes");
            }
            Pipeline pipeline = Counter.pipeline("counts", KEYS, 1, args[4]);
            JobConfig job = Jobs.config(ProcessingGuarantee.EXACTLY_ONCE)
                    .setName(args[3])
                    .setInitialSnapshotName(args[2])
                    .addJar(args[5]);
            client.getJet().newJob(pipeline, job);
        } finally {
            client.shutdown();
        }
    }
}
