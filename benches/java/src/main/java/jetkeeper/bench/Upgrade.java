package jetkeeper.bench;

import com.hazelcast.core.HazelcastInstance;
import com.hazelcast.jet.Job;
import com.hazelcast.jet.core.JobStatus;
import com.hazelcast.jet.impl.JobExecutionRecord;
import com.hazelcast.jet.impl.JobRepository;
import com.hazelcast.map.IMap;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Replaces a job by one of another jar that goes on from its state, whenever it is asked to, and prints how long that took
 * from the call that suspends the one until the other was RUNNING: suspend, copy the snapshot, count what was copied,
 * register it, cancel, submit from it.
 *
 * <p>Arguments: address, cluster name, two jars that take turns, the parameters of the job.
 */
public final class Upgrade {
    private Upgrade() {
    }

    public static void main(String[] args) throws InterruptedException, IOException {
        Path[] jars = {Path.of(args[2]), Path.of(args[3])};
        List<String> parameters = List.of(args).subList(4, args.length);
        String name = "java-" + ProcessHandle.current().pid();
        Samples samples = new Samples();

        try (Cluster cluster = new Cluster(args[0], args[1])) {
            Job job = cluster.submit(jars[0], name, parameters, null);
            Cluster.await(job, JobStatus.RUNNING);
            for (int turn = 1; samples.wanted(); turn++) {
                String exported = name + "-" + turn;
                long begin = System.nanoTime();
                Cluster.suspend(job);
                export(cluster.client(), job.getId(), exported);
                Cluster.cancel(job);
                job = cluster.submit(jars[turn % 2], name, parameters, exported);
                Cluster.await(job, JobStatus.RUNNING);
                long end = System.nanoTime();
                cluster.client().getMap(JobRepository.exportedSnapshotMapName(exported)).destroy();
                samples.print(begin, end);
            }
            Cluster.cancel(job);
        }
    }

    private static void export(HazelcastInstance client, long job, String name) {
        IMap<Long, JobExecutionRecord> records = client.getMap(JobRepository.JOB_EXECUTION_RECORDS_MAP_NAME);
        int index = records.get(job).dataMapIndex();
        IMap<Object, Object> source = client.getMap(JobRepository.snapshotDataMapName(job, index));
        IMap<Object, Object> target = client.getMap(JobRepository.exportedSnapshotMapName(name));
        target.clear();
        Map<Object, Object> entries = new HashMap<>();
        Object validation = null;
        for (Map.Entry<Object, Object> entry : source.entrySet()) {
            entries.put(entry.getKey(), entry.getValue());
            if (entry.getKey().getClass().getSimpleName().equals("SnapshotValidationKey")) {
                validation = entry.getValue();
            }
        }
        target.putAll(entries);
        if (validation == null || target.size() != entries.size()) {
            throw new IllegalStateException("no whole snapshot of " + name);
        }
        client.getMap(JobRepository.EXPORTED_SNAPSHOTS_DETAIL_CACHE).set(name, validation);
    }
}
